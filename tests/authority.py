"""An authority of the tests' own, and what it signs."""

import datetime
import ssl
from pathlib import Path

import trustme


class Authority:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self.file = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.file))

    @property
    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.file))

    def settings(self, *, expired: bool = False) -> dict[str, str]:
        """A gateway's, with a new certificate in their files."""
        certificate, key = self.write(expired=expired)
        return {"GATEWAY_TLS__CERTIFICATE": str(certificate), "GATEWAY_TLS__KEY": str(key)}

    def write(self, *, expired: bool = False) -> tuple[Path, Path]:
        """A new certificate for this machine, replaced at once as certificate managers do."""
        ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=-1 if expired else 30)
        begins = ends - datetime.timedelta(days=60)
        signed = self._authority.issue_cert("localhost", "127.0.0.1", not_before=begins, not_after=ends)
        certificate, key = self._folder / "certificate.pem", self._folder / "key.pem"
        for path, blob in (
            (key, signed.private_key_pem.bytes()),
            (certificate, b"".join(each.bytes() for each in signed.cert_chain_pems)),
        ):
            new = path.with_suffix(".new")
            new.write_bytes(blob)
            new.replace(path)
        return certificate, key
