// Numbers in words.

/** 75 -> "1 min 15 s", 120 -> "2 min". */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const [large, small, ...units] =
    whole < 3600 ? [Math.floor(whole / 60), whole % 60, "min", "s"] : [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), "h", "min"];
  return small ? `${large} ${units[0]} ${small} ${units[1]}` : `${large} ${units[0]}`;
}

/** As people say it who are not sure: 47 -> "50 seconds", 400 -> "7 minutes". */
export function roughly(seconds) {
  if (seconds < 55) return `${Math.max(10, 10 * Math.round(seconds / 10))} seconds`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return counted(minutes, "minute");
  const hours = Math.round(minutes / 30) / 2; // halves are exact enough
  return hours === 1 ? "an hour" : `${hours} hours`;
}

/** The time of a frame in the video: "0:12.48". */
export function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = (seconds - 60 * minutes).toFixed(2).padStart(5, "0");
  return `${minutes}:${rest}`;
}

/** 1 -> "1 frame", 2 -> "2 frames". */
export const counted = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/** 0.973 -> "97.3 %"; what cannot be said is a dash. */
export const percent = (share, digits = 1) =>
  share === null || share === undefined || Number.isNaN(share)
    ? "–"
    : `${(100 * share).toFixed(digits)} %`;

/** Bytes in KiB, MiB or GiB. */
export function bytes(count) {
  if (count < 2 ** 20) return `${Math.ceil(count / 1024)} KiB`;
  const mib = count / 2 ** 20;
  return mib < 1024 ? `${mib.toFixed(1)} MiB` : `${(mib / 1024).toFixed(2)} GiB`;
}
