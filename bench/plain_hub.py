"""A file server that huggingface_hub can pull from: one model, its files straight from a folder.

`python -m bench.plain_hub FOLDER` prints its port and serves until it is killed. It answers as much
as `snapshot_download` asks for, and sends the bytes itself, by sendfile.
"""

import json
import shutil
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

REVISION = "0" * 40
_API = "/api/models/"
_RESOLVE = "/resolve/"


class Handler(BaseHTTPRequestHandler):
    """Answers for the files of `folder`."""

    protocol_version = "HTTP/1.1"
    folder: Path

    def do_HEAD(self) -> None:
        """Tell of a file."""
        self._file(with_body=False)

    def do_GET(self) -> None:
        """Tell of the model, or send a file."""
        path = urlsplit(self.path).path
        if path.startswith(_API):
            self._tell_tree() if "/tree/" in path else self._tell_model(path)
        else:
            self._file(with_body=True)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def _tell_model(self, path: str) -> None:
        files = [{"rfilename": file.name} for file in self.folder.iterdir()]
        name = "/".join(path.removeprefix(_API).split("/")[:2])
        self._tell({"id": name, "modelId": name, "sha": REVISION, "siblings": files})

    def _tell_tree(self) -> None:
        rows = [
            {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": REVISION}
            for file in self.folder.iterdir()
        ]
        self._tell(rows)

    def _tell(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _file(self, *, with_body: bool) -> None:
        file = self.folder / Path(unquote(urlsplit(self.path).path.partition(_RESOLVE)[2])).name
        if not file.is_file():
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(file.stat().st_size))
        self.send_header("ETag", f'"{file.name}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.end_headers()
        if with_body:
            with file.open("rb") as source:
                self.wfile.flush()
                try:
                    self.connection.sendfile(source)
                except OSError:  # the kernel cannot
                    shutil.copyfileobj(source, self.wfile, 1 << 20)


def main() -> None:
    """Serve the folder that the argument names."""
    Handler.folder = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
