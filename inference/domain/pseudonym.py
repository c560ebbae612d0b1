"""Other names for people and objects: always the same ones, by a secret key."""

from __future__ import annotations

import hmac
import uuid

KEY_SIZE = 32  # bytes
_SHORT = 12  # hexadecimal digits: enough for every patient of a country


class Pseudonyms:
    """Who has the key can try names out, so it never leaves with what it made."""

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_SIZE:
            raise ValueError("the key of the pseudonyms is too short")
        self._key = key

    def patient(self, patient_id: str, study_instance_uid: str) -> str:
        """Return the pseudonym of a patient; of the Study where there is no Patient ID."""
        known = patient_id.strip()
        return "P" + self._short("patient", known or f"study {study_instance_uid}")

    def reviewer(self, reviewer_id: str) -> str:
        return "R" + self._short("reviewer", reviewer_id)

    def uid(self, uid: str) -> str:
        """Return `2.25.` and a UUID made of the digest (PS3.5 Annex B.2)."""
        made = uuid.UUID(bytes=self._digest("uid", uid)[:16], version=5)
        return f"2.25.{made.int}"

    def _short(self, kind: str, name: str) -> str:
        return self._digest(kind, name).hex()[:_SHORT]

    def _digest(self, kind: str, name: str) -> bytes:
        return hmac.digest(self._key, f"{kind}\x1f{name}".encode("utf-8", "replace"), "sha256")
