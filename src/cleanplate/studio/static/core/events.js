// What the server tells every tab: over a WebSocket, since a browser opens only six ordinary
// connections to one server, and eight tabs that listen would leave none to fetch a frame.

const AGAIN_MS = 1000;

/**
 * Hear of every change, for as long as the page is open.
 *
 * @param {(event: {type: string}) => void} heard also `lost`, when the server is gone; `hello`
 *   comes first after every connection: all that is known is to be asked for anew
 */
export function listen(heard) {
  const address = new URL("/api/events", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(address);
  socket.onmessage = ({ data }) => heard(JSON.parse(data));
  socket.onclose = () => {
    heard({ type: "lost" });
    setTimeout(() => listen(heard), AGAIN_MS);
  };
}
