"""A Storage SCP of pynetdicom, as narrow as a test wants it."""

from __future__ import annotations

from pynetdicom import AE, evt

from tests.support.programs import HOST


class Peer:
    """An SCP with few contexts, which answers with `status`."""

    def __init__(self, *contexts: tuple[str, str], status: int = 0x0000) -> None:
        self.ae = AE("STORESCP")
        for sop_class, syntax in contexts:
            self.ae.add_supported_context(sop_class, syntax)
        self.syntaxes: list[str] = []
        self.proposed: list[int] = []
        self.status = status
        self.server = self.ae.start_server(
            (HOST, 0),
            block=False,
            evt_handlers=[(evt.EVT_C_STORE, self.on_store), (evt.EVT_REQUESTED, self.on_request)],
        )
        self.port = self.server.server_address[1]

    def on_store(self, event: evt.Event) -> int:
        self.syntaxes.append(event.context.transfer_syntax)
        assert event.dataset.SOPInstanceUID
        return self.status

    def on_request(self, event: evt.Event) -> None:
        self.proposed.append(len(event.assoc.requestor.requested_contexts))

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
