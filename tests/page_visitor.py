"""A visitor of the page who speaks Streamlit's protocol: twenty cost less than one browser."""

import http.client
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Subprotocol

PATIENCE_SECONDS = 180.0
TAKEN = 204
PAGES = ("", "tune", "agents", "check")

_ENDS = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
_SAYING = ("title", "type", "message", "body", "text")
_EDGE = "visitors-own-edge"


class Visitor:
    """One browser tab: what it shows, and what can be done there.

    Attributes:
        session: Its name at the server, to come back to.
        heard: Every message of the server since the last look, as it came.
    """

    def __init__(
        self, address: str, page: str = "", query: str = "", session: str | None = None
    ) -> None:
        """Open a page, and see its first run to the end.

        Args:
            address: Of the server.
            page: Its path; Explore for none.
            query: What stands behind the question mark of the address.
            session: To come back to; a new one for none.
        """
        self.session = ""
        self.heard: list[bytes] = []
        self._address, self._page, self._query = address, page, query
        self._shown: dict[tuple[int, ...], tuple[Element, str]] = {}
        self._set: dict[str, WidgetState] = {}
        asked = ["streamlit"] if session is None else ["streamlit", "none", session]
        self._open = ExitStack()
        self._line = self._open.enter_context(
            connect(
                f"{address.replace('http', 'ws', 1)}/_stcore/stream",
                subprotocols=[Subprotocol(each) for each in asked],
                max_size=None,
                open_timeout=PATIENCE_SECONDS,
                close_timeout=0.1,
                ping_interval=None,
            )
        )
        self._run()

    def __enter__(self) -> Self:
        """Return the visitor."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Leave."""
        self.leave()

    def leave(self) -> None:
        """Close the tab, or lose the connection: the server cannot tell one from the other."""
        self._open.close()

    def turn_to(self, page: str) -> None:
        """Turn to another page in this session."""
        self._page, self._query = page, ""
        self._set.clear()
        self._run()

    def press(self, name: str) -> None:
        """Press a button, whose form goes with it, and see the run to its end."""
        pressed, fragment = self._find(name)
        self._run([WidgetState(id=pressed, trigger_value=True)], fragment)

    def slide(self, name: str, value: float) -> None:
        """Move a slider, and see the run to its end."""
        moved, fragment = self._find(name)
        state = self._set[moved] = WidgetState(id=moved)
        state.double_array_value.data.append(value)
        self._run([], fragment)

    def write(self, name: str, text: str, submit: str | None = None) -> None:
        """Type into a box; one in a form tells the server nothing before its button is pressed."""
        written, fragment = self._find(name)
        self._set[written] = WidgetState(id=written, string_value=text)
        if submit is None:
            self._run([], fragment)
        else:
            self.press(submit)

    def lend(self, name: str, file: str, data: bytes) -> int:
        """Put a file into an uploader, and see the run to its end; return the upload's status."""
        uploader, fragment = self._find(name)
        place = self._place_for(file)
        status = self._put(place.upload_url, file, data)
        if status == TAKEN:
            state = self._set[uploader] = WidgetState(id=uploader)
            held = state.file_uploader_state_value.uploaded_file_info.add()
            held.file_id, held.name, held.size = place.file_id, file, len(data)
            held.file_urls.CopyFrom(place)
            self._run([], fragment)
        return status

    def has(self, name: str) -> bool:
        """Tell whether a widget is shown, by its key or by what it is called."""
        return any(_is(element, name) for element, _ in self._shown.values())

    def named(self, beginning: str) -> list[str]:
        """Return the keys of the widgets that begin so."""
        ids = (getattr(_widget(element), "id", "") for element, _ in self._shown.values())
        keys = (widget.rpartition("-")[2] for widget in ids)
        return [key for key in keys if key.startswith(beginning)]

    def shown(self, kind: str) -> list[str]:
        """Return what stands in elements of a kind, such as `alert`, from the top of the page."""
        inside = (self._shown[at][0] for at in sorted(self._shown))
        found = (_widget(each) for each in inside if each.WhichOneof("type") == kind)
        return ["\n".join(getattr(each, name, "") for name in _SAYING).strip() for each in found]

    def _find(self, name: str) -> tuple[str, str]:
        """Return the id and the fragment of a widget."""
        for element, fragment in self._shown.values():
            if _is(element, name):
                return _widget(element).id, fragment
        raise LookupError(f"{name} is not on the page: {self.shown('alert')}")

    def _run(self, pressed: Sequence[WidgetState] = (), fragment: str = "") -> None:
        """Ask for a run, of the page or of a fragment, and hear it to its end."""
        look = BackMsg()
        asked = look.rerun_script
        asked.query_string, asked.page_name, asked.fragment_id = self._query, self._page, fragment
        asked.widget_states.widgets.extend([*self._set.values(), *pressed])
        self._line.send(look.SerializeToString())
        new: set[tuple[int, ...]] = set()
        while True:
            told = self._hear()
            kind = told.WhichOneof("type")
            if kind == "new_session":
                self.session = told.new_session.initialize.session_id or self.session
            elif kind == "delta" and told.delta.WhichOneof("type") == "new_element":
                at = tuple(told.metadata.delta_path)
                self._shown[at] = told.delta.new_element, told.delta.fragment_id
                new.add(at)
            elif kind == "script_finished" and told.script_finished in _ENDS:
                break
        # What a run did not draw again is gone: of the fragment, or of the whole page.
        self._shown = {
            at: (element, part)
            for at, (element, part) in self._shown.items()
            if at in new or (fragment and part != fragment)
        }

    def _hear(self) -> ForwardMsg:
        heard = self._line.recv(timeout=PATIENCE_SECONDS)
        assert isinstance(heard, bytes)
        self.heard.append(heard)
        told = ForwardMsg()
        told.ParseFromString(heard)
        return told

    def _place_for(self, file: str) -> FileURLs:
        """Ask where a file is to be put."""
        wish = BackMsg()
        wish.file_urls_request.request_id = file
        wish.file_urls_request.session_id = self.session
        wish.file_urls_request.file_names.append(file)
        self._line.send(wish.SerializeToString())
        while True:
            told = self._hear()
            if told.WhichOneof("type") == "file_urls_response":
                return told.file_urls_response.file_urls[0]

    def _put(self, path: str, file: str, data: bytes) -> int:
        """Upload a file as a browser does, with the cookie's token; return the status."""
        place = urlsplit(self._address).netloc
        with closing(http.client.HTTPConnection(place, timeout=PATIENCE_SECONDS)) as line:
            line.request("GET", "/_stcore/health")
            with line.getresponse() as answer:
                answer.read()
                cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
            disposition = f'Content-Disposition: form-data; name="file"; filename="{file}"'
            body = b"\r\n".join(
                [
                    f"--{_EDGE}\r\n{disposition}\r\nContent-Type: text/csv\r\n".encode(),
                    data,
                    f"--{_EDGE}--\r\n".encode(),
                ]
            )
            line.request(
                "PUT",
                path,
                body,
                {
                    "Content-Type": f"multipart/form-data; boundary={_EDGE}",
                    "Cookie": cookie,
                    "X-Xsrftoken": cookie.partition("=")[2].strip('"'),
                },
            )
            with line.getresponse() as answer:
                answer.read()
                return answer.status


def arrive_at_once(address: str, visitors: int, apart_seconds: float = 0.05) -> list[str]:
    """Let visitors open all pages in turn, one shortly after the other; return what went wrong."""

    def visit(number: int) -> list[str]:
        time.sleep(number * apart_seconds)
        try:
            with Visitor(address, PAGES[number % len(PAGES)]) as visitor:
                return visitor.shown("exception")
        except (OSError, WebSocketException) as failure:
            return [f"{type(failure).__name__}: {failure}"]

    with ThreadPoolExecutor(visitors) as pool:
        return [wrong for each in pool.map(visit, range(visitors)) for wrong in each]


def _widget(element: Element) -> Any:  # one of Streamlit's forty messages
    return getattr(element, element.WhichOneof("type") or "")


def _is(element: Element, name: str) -> bool:
    widget = _widget(element)
    key = getattr(widget, "id", "")
    return bool(key) and (key.endswith(f"-{name}") or getattr(widget, "label", None) == name)
