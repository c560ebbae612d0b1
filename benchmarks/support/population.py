"""Studies as a department has them, made up and always the same, and a few that stand out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice

from inference.domain.instance import Attributes, Description

PLANTED = 10  # Studies that stand out, spread evenly
PATIENT = "PLANTED-1"
ACCESSION = "PLANTED"  # and the number of the Study
DATES = "19990101-19990131"
MODALITY = "NM"
STUDY = "1.2.826.0.1.3680043.9.7.{}"
_SHAPE = (20, 20)  # Instances of each Series of a planted Study
_FAMILY = (  # noqa: SIM905
    "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch "
    "Bauer Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann "
    "Lange Schmitt Werner Krause Lehmann Köhler Garcia González Rodríguez Fernández López "
    "Martínez Sánchez Pérez Gómez Martín Jiménez Ruiz Hernández Díaz Moreno Muñoz Álvarez "
    "Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Dubois Durand Leroy "
    "Moreau Lefèvre Garnier Françoise Girard Bonnet Dupont Novák Svoboda Dvořák Černý Procházka "
    "Kowalski Wiśniewski Wójcik Kamiński Lewandowski Zieliński Szymański Woźniak Nguyen Tran Le "
    "Hansen Jensen Nielsen Sørensen Åkesson Lindström Sjöberg Öberg Smith Johnson Williams Brown "
    "Jones Davis Miller Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Thompson White"
).split()
_GIVEN = (  # noqa: SIM905
    "Anna Maria José Björn Zoë Chloé Léa Jürgen Günther Käthe Søren Åsa Peter Paul Thomas Ulrike "
    "Sabine Lukas Jonas Emma Mia Hannah Noah Léon Luis Felix Élise Marta Sofía Lucía Martina Olga "
    "Łukasz Agnieszka Katarzyna Piotr Tomáš Jiří Eliška Giulia Marco Luca Elena Andrea Francesca "
    "John Mary James Patricia Robert Jennifer Michael Linda William Elizabeth David Barbara"
).split()
_CJK = (
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "Hong^Gildong=洪^吉洞=홍^길동",
    "Wang^Xiaodong=王^小東",
)
# Share of Studies, modality, least and most Series, least and most Instances of each
_KINDS = (
    (0.55, "DX", 1, 2, 1, 2),
    (0.20, "US", 1, 1, 3, 12),
    (0.10, "MG", 1, 1, 4, 4),
    (0.10, "CT", 2, 4, 10, 40),
    (0.05, "MR", 3, 6, 10, 30),
)
_CLASSES = {
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
}


def population(instances: int, seed: int = 1) -> Iterator[Description]:
    """Yield so many Descriptions, Study after Study, as they arrive; the planted among them."""
    chance = random.Random(seed)
    planted = PLANTED * sum(_SHAPE)
    every = (instances - planted) // PLANTED
    for number in range(PLANTED):
        yield from islice(_ordinary(chance, number), every)
        yield from _planted(number)
    yield from islice(_ordinary(chance, PLANTED), instances - planted - every * PLANTED)


def _planted(number: int) -> Iterator[Description]:
    attributes = {
        "patient_id": PATIENT if number < 5 else f"PLANTED-{number}",
        "patient_name": f"Šimůnková^{_GIVEN[number]}",
        "patient_sex": "F",
        "patient_birth_date": "19610203",
        "accession_number": f"{ACCESSION}{number}",
        "study_date": f"199901{3 * number + 1:02d}",
        "study_time": "101112",
        "study_id": str(number),
        "study_description": "Szintigraphie",
        "referring_physician_name": "Öztürk^Ayşe",
    }
    yield from _study(STUDY.format(number), "NM", _SHAPE, attributes)


def _ordinary(chance: random.Random, block: int) -> Iterator[Description]:
    study = 0
    while True:
        study += 1
        uid = f"1.2.826.0.1.3680043.8.498.{block}.{study}"
        _, modality, least, most, fewest, largest = chance.choices(
            _KINDS, [each[0] for each in _KINDS]
        )[0]
        shape = tuple(chance.randint(fewest, largest) for _ in range(chance.randint(least, most)))
        patient = chance.randint(1, 40_000)
        who = random.Random(patient)
        name = f"{who.choice(_FAMILY)}^{who.choice(_GIVEN)}"
        if who.random() < 0.02:
            name = who.choice(_CJK)
        day = date(2016, 1, 1) + timedelta(days=chance.randint(0, 3650))
        birth = date(1930, 1, 1) + timedelta(days=who.randint(0, 30_000))
        attributes = {
            "patient_id": f"P{patient:07d}",
            "patient_name": name,
            "patient_sex": who.choice("MF"),
            "patient_birth_date": f"{birth:%Y%m%d}",
            "accession_number": f"A{block:02d}{study:08d}",
            "study_date": f"{day:%Y%m%d}",
            "study_time": f"{chance.randint(6, 20):02d}{chance.randint(0, 59):02d}30",
            "study_id": f"{study}",
            "study_description": f"{modality} Routine",
            "referring_physician_name": f"{chance.choice(_FAMILY)}^{chance.choice(_GIVEN)}",
        }
        yield from _study(uid, modality, shape, attributes)


def _study(
    uid: str, modality: str, shape: tuple[int, ...], attributes: dict[str, str]
) -> Iterator[Description]:
    for series, count in enumerate(shape, 1):
        for instance in range(1, count + 1):
            yield Description(
                uid,
                f"{uid}.{series}",
                f"{uid}.{series}.{instance}",
                _CLASSES[modality],
                "1.2.840.10008.1.2.1",
                Attributes(
                    modality=modality,
                    series_number=series,
                    series_description=f"Series {series}",
                    manufacturer="Maker",
                    instance_number=instance,
                    rows=512,
                    columns=512,
                    bits_allocated=16,
                    has_pixels=True,
                    **attributes,
                ),
            )
