"""An RTSP camera: GStreamer's server over a video file, run under the system's python3.

python3 rtsp_server.py PORT VIDEO.mp4 USER PASSWORD

What is pushed to /in is kept as VIDEO.mp4.pushed.mkv.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def main() -> None:
    """Serve rtsp://USER:PASSWORD@127.0.0.1:PORT/cam, and /in for publishers, until killed."""
    port, video, user, password = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer(service=port, address="127.0.0.1")
    factory = GstRtspServer.RTSPMediaFactory(shared=True)
    factory.set_launch(
        f"( filesrc location={video} ! qtdemux ! h264parse "
        "! rtph264pay name=pay0 pt=96 config-interval=1 )"
    )
    pushed = GstRtspServer.RTSPMediaFactory()
    pushed.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    pushed.set_launch(
        "( rtph264depay name=depay0 ! h264parse ! matroskamux streamable=true "
        f"! filesink location={video}.pushed.mkv )"
    )
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    for name, mounted in (("/cam", factory), ("/in", pushed)):
        mounted.add_role_from_structure(
            Gst.Structure.new_from_string(
                "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
            )
        )
        server.get_mount_points().add_factory(name, mounted)
    server.attach(None)
    print("ready", flush=True)  # noqa: T201
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
