"""Videos come in whole or not at all, whatever is given."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from cleanplate.errors import ConfigError, OutputError, VideoError
from cleanplate.images import read_grey, write_picture
from cleanplate.scenes.frame_times import open_file, read_times
from cleanplate.scenes.project_file import read_project_file
from cleanplate.scenes.stream import arrivals
from cleanplate.studio.bringing import Bringing
from cleanplate.studio.browsing import browse
from cleanplate.studio.desk import Desk
from cleanplate.studio.project import Project
from cleanplate.studio.uploads import Uploads, safe_name
from tests.runtime.streaming import HttpCamera
from tests.studio.serving import SIZE, Client, level, square, studio, write_clip


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Client]:
    with studio(tmp_path / "project") as client:
        yield client


def put(
    client: Client, name: str, size: int, offset: int, body: bytes
) -> tuple[int, dict[str, object]]:
    answer = client.ask("PUT", f"/api/uploads/{name}?size={size}&offset={offset}", body)
    return answer.status, answer.json


def test_an_upload_goes_on_where_it_broke_off(empty: Client, tmp_path: Path) -> None:
    data = write_clip(tmp_path / "gate.mp4").read_bytes()
    half = len(data) // 2
    where = f"/api/uploads/gate.mp4?size={len(data)}"
    assert empty.get(where).json == {"received": 0}
    assert put(empty, "gate.mp4", len(data), 0, data[:half]) == (200, {"received": half})
    assert empty.get(where).json == {"received": half}
    status, said = put(empty, "gate.mp4", len(data), half + 1, data[half:])
    assert (status, said["error"]) == (409, f"{half} bytes have come; go on from there")
    status, said = put(empty, "gate.mp4", len(data), half, data[half:])
    assert said["clip"] == {"name": "gate.mp4", "first": 1, "count": 30, "seconds": 1.2}
    assert (tmp_path / "project" / "videos" / "gate.mp4").read_bytes() == data
    assert not list((tmp_path / "project" / ".studio" / "uploads").iterdir())
    assert level(empty.get("/api/frames/20.jpg").body) == pytest.approx(80, abs=3)


def test_an_upload_survives_its_studio(tmp_path: Path) -> None:
    data = write_clip(tmp_path / "gate.mp4").read_bytes()
    with studio(tmp_path / "project") as client:
        put(client, "gate.mp4", len(data), 0, data[:100])
    with studio(tmp_path / "project") as client:
        assert client.get(f"/api/uploads/gate.mp4?size={len(data)}").json == {"received": 100}
        assert put(client, "gate.mp4", len(data), 100, data[100:])[0] == 200


def test_a_file_that_changed_does_not_go_on_where_the_old_one_was(empty: Client) -> None:
    where = "/api/uploads/gate.mp4?size=100&modified="
    empty.ask("PUT", f"{where}1&offset=0", bytes(60))
    assert empty.get(f"{where}1").json == {"received": 60}
    assert empty.get(f"{where}2").json == {"received": 0}


def test_an_upload_that_vanishes_meanwhile_is_tolerated(tmp_path: Path) -> None:
    project = Project(tmp_path)
    uploads = Uploads(project)
    path = uploads.part("a.mp4", 10)
    (path.parent / "gone.part").symlink_to(path.parent / "nowhere")
    assert uploads.part("b.mp4", 10) != path
    project.close()


def test_no_more_comes_than_was_announced(empty: Client, tmp_path: Path) -> None:
    status, said = put(empty, "gate.mp4", 100, 0, bytes(101))
    assert status == 413
    assert "more bytes" in str(said["error"])
    uploads = tmp_path / "project" / ".studio" / "uploads"
    assert sum(path.stat().st_size for path in uploads.iterdir()) <= 100


def test_a_video_larger_than_the_disk_is_refused_before_it_comes(empty: Client) -> None:
    status, said = put(empty, "gate.mp4", 10**18, 0, b"x")
    assert status == 507
    assert "make room" in str(said["error"])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/cron.mp4", "cron.mp4"),
        ("C:\\clips\\gate.MOV", "gate.mov"),
        ("/etc/passwd.mkv", "passwd.mkv"),
        ("..mp4", None),
        (".mp4", None),
        ("a\0b.mp4", "a_b.mp4"),
        ("<script>.mp4", "_script_.mp4"),
        ("Straße 5 (Nord).mp4", "Straße 5 (Nord).mp4"),
        ("page.html", None),
        ("x" * 300 + ".mp4", "x" * 80 + ".mp4"),
    ],
)
def test_a_name_is_a_plain_name(given: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(ConfigError, match="does not end as a video"):
            safe_name(given)
    else:
        assert safe_name(given) == kept


def test_two_videos_of_one_name_are_both_kept(empty: Client, tmp_path: Path) -> None:
    for count in (5, 7):
        data = write_clip(tmp_path / "gate.mp4", count).read_bytes()
        put(empty, "gate.mp4", len(data), 0, data)
    clips = empty.get("/api/project").json["clips"]
    assert [(one["name"], one["first"]) for one in clips] == [("gate.mp4", 1), ("gate-2.mp4", 6)]


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda _: b"this is no video at all" * 20, "not a readable video"),
        (_cut, "not a readable video"),
        (lambda data: data[:60], "not a readable video"),
    ],
)
def test_what_is_no_video_is_refused_in_words_and_leaves_nothing(
    empty: Client, tmp_path: Path, spoil: Callable[[bytes], bytes], said: str
) -> None:
    data = spoil(write_clip(tmp_path / "gate.mp4").read_bytes())
    answer = empty.ask("PUT", f"/api/uploads/gate.mp4?size={len(data)}&offset=0", data)
    assert answer.status == 400
    assert said in answer.error
    assert not list((tmp_path / "project" / "videos").iterdir())
    assert empty.get("/api/project").json["clips"] == []


def test_a_video_without_frames_is_refused_in_words(empty: Client, tmp_path: Path) -> None:
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        container.start_encoding()
    answer = empty.ask("POST", "/api/clips", {"path": str(path)})
    assert answer.status == 400
    assert "sound.mkv" in answer.error


class Listening:
    """A server that notes whether anybody asked it for anything."""

    def __init__(self) -> None:
        asked = self.asked = []  # type: ignore[var-annotated]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_error(404)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{it}/a.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{it}/a.mp4'\n",
        "ffconcat version 1.0\nfile '{clip}'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{clip}\n#EXT-X-ENDLIST\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
        "<Period><AdaptationSet><Representation><BaseURL>{it}/a.mp4</BaseURL>"
        "</Representation></AdaptationSet></Period></MPD>",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".ts"])
def test_a_playlist_dressed_as_a_video_opens_nothing(
    tmp_path: Path, text: str, suffix: str
) -> None:
    clip = write_clip(tmp_path / "secret.mp4")
    listening = Listening()
    path = tmp_path / f"dressed{suffix}"
    path.write_text(text.format(it=listening.address, clip=clip))
    with pytest.raises(VideoError):
        read_times(path)
    assert listening.asked == []
    listening.server.shutdown()
    listening.server.server_close()


def test_a_plain_video_still_opens(tmp_path: Path) -> None:
    with open_file(write_clip(tmp_path / "gate.mp4")) as container:
        assert container.streams.video


@pytest.mark.parametrize(
    "address",
    [
        "../secret.mp4",
        "file:secret.mp4",
        "concat:a|b",
        "ftp://host/a",
        "gopher://x",
        "data:,x",
        "",
    ],
)
def test_only_cameras_and_streams_are_recorded(empty: Client, address: str) -> None:
    answer = empty.ask("POST", "/api/clips/record", {"address": address, "seconds": 1})
    assert answer.status == 400
    assert "not an address to record from" in answer.error


def test_a_recording_is_bounded(empty: Client) -> None:
    for seconds in (0, -1, 4000):
        body = {"address": "rtsp://127.0.0.1:1/x", "seconds": seconds}
        assert "cannot record" in empty.ask("POST", "/api/clips/record", body).error


def test_a_camera_that_is_not_there_is_said_without_its_password(
    empty: Client, tmp_path: Path
) -> None:
    body = {"address": "rtsp://me:hidden@127.0.0.1:1/x", "seconds": 2}
    answer = empty.ask("POST", "/api/clips/record", body)
    assert answer.status == 400
    assert "hidden" not in answer.error
    assert not list((tmp_path / "project" / "videos").iterdir())


@pytest.fixture
def camera() -> Iterator[HttpCamera]:
    made = HttpCamera([np.full((*SIZE, 3), 100, np.uint8)])
    yield made
    made.close()


def test_a_camera_is_recorded_for_so_many_seconds(empty: Client, camera: HttpCamera) -> None:
    start = time.monotonic()
    answer = empty.ask("POST", "/api/clips/record", {"address": camera.address, "seconds": 1.5})
    assert answer.status == 200
    assert time.monotonic() - start < 15
    assert 5 <= answer.json["clip"]["count"] <= 50
    assert "geheim" not in answer.json["clip"]["name"]
    assert level(empty.get("/api/frames/2.jpg").body) == pytest.approx(100, abs=3)


def _after_frames(camera: HttpCamera, what: Callable[[], object]) -> Thread:
    """Do something when the camera was watched for a second."""

    def wait() -> None:
        end = time.monotonic() + 30
        while not camera.connections and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(1.0)
        what()

    thread = Thread(target=wait)
    thread.start()
    return thread


def test_what_came_before_a_camera_broke_off_is_kept(empty: Client, camera: HttpCamera) -> None:
    _after_frames(camera, camera.broken.set)
    answer = empty.ask("POST", "/api/clips/record", {"address": camera.address, "seconds": 60})
    assert answer.status == 200
    assert answer.json["clip"]["count"] >= 5


def test_a_recording_is_stopped_and_kept(empty: Client, camera: HttpCamera) -> None:
    stop = _after_frames(camera, lambda: empty.ask("DELETE", "/api/clips/record"))
    answer = empty.ask("POST", "/api/clips/record", {"address": camera.address, "seconds": 60})
    stop.join()
    assert answer.json["clip"]["count"] >= 5


def test_a_recording_keeps_nobody_waiting_but_another_recording(
    empty: Client, camera: HttpCamera, tmp_path: Path
) -> None:
    body = {"address": camera.address, "seconds": 60}
    recorded: list[int] = []
    thread = Thread(
        target=lambda: recorded.append(empty.ask("POST", "/api/clips/record", body).status)
    )
    thread.start()
    videos = tmp_path / "project" / "videos"
    end = time.monotonic() + 20
    while not (videos.is_dir() and list(videos.iterdir())) and time.monotonic() < end:
        time.sleep(0.05)
    second = empty.ask("POST", "/api/clips/record", body)
    assert second.status == 409
    assert "running already" in second.error
    other = write_clip(tmp_path / "other.mp4", 5)
    assert empty.ask("POST", "/api/clips", {"path": str(other)}).json["clip"]["first"] == 1
    assert thread.is_alive()
    time.sleep(1.0)
    empty.ask("DELETE", "/api/clips/record")
    thread.join(20)
    assert recorded == [200]
    clips = empty.get("/api/project").json["clips"]
    assert [one["first"] for one in clips] == [1, 6]


def test_a_studio_that_ends_stops_its_recording_and_keeps_it(
    tmp_path: Path, camera: HttpCamera
) -> None:
    desk = Desk(tmp_path / "project")
    thread = Thread(
        target=lambda: desk.bringing.record(camera.address, 60, lambda _: None), daemon=True
    )
    thread.start()
    time.sleep(2.0)
    desk.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(read_project_file(tmp_path / "project").videos) == 1
    with pytest.raises(OutputError, match="is ending"):
        desk.bringing.copy(write_clip(tmp_path / "other.mp4", 5), lambda _: None)
    assert not list((tmp_path / "project" / "videos").glob(".*"))


@pytest.mark.parametrize("number", ["199", " 199 "])
def test_a_camera_is_named_by_its_number_too(empty: Client, number: str) -> None:
    answer = empty.ask("POST", "/api/clips/record", {"address": number, "seconds": 1})
    assert "/dev/video199: " in answer.error


def test_what_a_killed_recording_left_is_cleaned_up(folder: Path) -> None:
    (folder / "videos" / "..0123.part.part.mp4").write_bytes(b"half")
    (folder / "videos" / ".0123.part").mkdir()
    project = Project(folder)
    Bringing(project, lambda: None)
    assert [path.name for path in (folder / "videos").iterdir()] == ["gate.mp4"]
    project.close()


class Playlist:
    """A server whose every answer is one text."""

    def __init__(self, text: str, kind: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/list.m3u8"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_a_playlist_of_a_server_opens_no_file_of_this_machine(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "secret.ts")
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{clip}\n#EXT-X-ENDLIST\n"
    server = Playlist(text, "application/vnd.apple.mpegurl")
    with pytest.raises(VideoError):
        next(arrivals(server.address))
    server.close()


@pytest.mark.parametrize("kind", ["rtmp", "tcp"])
@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{it}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{it}'\n",
    ],
)
def test_a_playlist_of_a_server_knocks_at_no_other_service(kind: str, text: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as service:
        service.settimeout(0.5)
        it = f"{kind}://127.0.0.1:{service.getsockname()[1]}/live"
        server = Playlist(text.format(it=it), "text/plain")
        with pytest.raises(VideoError):
            next(arrivals(server.address))
        with pytest.raises(TimeoutError):
            service.accept()
        server.close()


def test_a_description_of_a_server_opens_no_port() -> None:
    text = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    text += "m=video 53004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    server = Playlist(text, "application/sdp")
    began = time.monotonic()
    with pytest.raises(VideoError):
        next(arrivals(server.address))
    assert time.monotonic() - began < 2  # a port that was opened would be waited at
    server.close()


def test_a_folder_of_pictures_is_a_clip(empty: Client, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(100, 105):
        frame = np.full((*SIZE, 3), number, np.uint8)
        write_picture(pictures / f"cam{number}.png", frame)
    answer = empty.ask("POST", "/api/clips", {"path": str(pictures)})
    assert answer.json["clip"] == {"name": "pictures", "first": 1, "count": 5, "seconds": 0.2}
    assert level(empty.get("/api/frames/3.jpg").body) == pytest.approx(102, abs=2)
    found = empty.get(f"/api/browse?folder={tmp_path}").json
    assert "pictures" in [one["name"] for one in found["folders"]]
    assert browse(str(pictures))["pictures"] == 5


def test_the_drawn_example_offers_two_true_labels(empty: Client, tmp_path: Path) -> None:
    clip = empty.ask("POST", "/api/clips/example").json["clip"]
    assert (clip["first"], clip["count"]) == (1, 240)
    truths = sorted((tmp_path / "project" / ".studio" / "truth").iterdir())
    assert len(truths) == 2
    for path in truths:
        number = int(path.stem[2:])
        answer = empty.get(f"/api/proposals/{number}.png")
        assert answer.headers["x-source"] == "drawn"
        assert (read_grey(path) == 255).any()
    assert empty.put_label(1, square(4, (240, 320))).status == 204


def test_uploads_of_two_tabs_do_not_mix(tmp_path: Path) -> None:
    project = Project(tmp_path)
    uploads = Uploads(project)
    path = uploads.part("a.mp4", 10)
    with (
        uploads.writing(path),
        pytest.raises(Exception, match="another tab"),
        uploads.writing(path),
    ):
        pass
    project.close()


def test_unfinished_uploads_do_not_pile_up(tmp_path: Path) -> None:
    project = Project(tmp_path)
    uploads = Uploads(project)
    for size in range(1, 41):
        uploads.part("a.mp4", size).touch()
    assert len(list((tmp_path / ".studio" / "uploads").iterdir())) == 16
    project.close()


@pytest.mark.parametrize("folder", ["%00", "~nobody-of-that-name", "nowhere/at/all", "x" * 5000])
def test_a_folder_that_is_none_is_refused_in_words(empty: Client, folder: str) -> None:
    answer = empty.get(f"/api/browse?folder={folder}")
    assert answer.status == 400
    assert "cannot be opened" in answer.error
