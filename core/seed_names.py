"""Names as Dutch companies have them, in a number that never repeats."""

from __future__ import annotations

_FAMILIES = (
    "Bakker", "Jansen", "De Vries", "Van den Berg", "Van Dijk", "Visser", "Smit", "Meijer", "De Boer", "Mulder",
    "De Groot", "Bos", "Vos", "Peters", "Hendriks", "Van Leeuwen", "Dekker", "Brouwer", "De Wit", "Dijkstra",
    "Smits", "De Graaf", "Van der Meer", "Van der Linden", "Kok", "Jacobs", "De Haan", "Vermeulen", "Van den Heuvel",
    "Van der Veen", "Van den Broek", "De Bruijn", "Schouten", "Van Beek", "Willems", "Van Vliet", "Hoekstra", "Maas",
    "Verhoeven", "Koster", "Van Dam", "Van der Wal", "Prins", "Blom", "Huisman", "Peeters", "Kuipers", "Van Veen",
    "Kuiper", "Veenstra", "Kramer", "Van den Brink", "Scholten", "Van Wijk", "Postma", "Martens", "Vink", "De Ruiter",
    "Timmermans", "Groen", "Gerritsen", "Jonker", "Van Loon", "Boer", "Van der Velde", "Willemsen", "Smeets",
    "De Lange", "De Vos", "Bosch", "Van Dongen", "Schipper", "De Koning", "Koning", "Van der Laan", "Driessen",
    "Hermans", "Hofman", "Van den Bosch", "Van Es", "Molenaar", "Evers", "Van der Heijden", "Hoogendoorn", "Kuijpers",
    "Zijlstra", "Wolters", "Verbeek", "Sanders", "Terpstra", "Boersma", "Goossens", "Boonstra", "Cornelissen",
    "Lammers", "Ruijter", "Coenen", "Brinkman", "Nijland",
)  # fmt: skip
_TRADES = (
    "Administraties", "Advies", "Agro", "Architecten", "Autobedrijf", "Bakkerij", "Beheer", "Beveiliging",
    "Bloemen", "Bouw", "Catering", "Communicatie", "Dakbedekking", "Design", "Detachering", "Drukkerij",
    "Elektrotechniek", "Energie", "Engineering", "Fietsen", "Financieel", "Fysiotherapie", "Grondverzet",
    "Groothandel", "Hoveniers", "Horeca", "ICT", "Import", "Installatie", "Interieur", "Juristen", "Kinderopvang",
    "Klimaattechniek", "Kozijnen", "Lasersnijden", "Logistiek", "Makelaardij", "Metaal", "Meubelen", "Mode",
    "Onderhoud", "Optiek", "Organisatie", "Partyservice", "Recreatie", "Reclame", "Reizen", "Schilders",
    "Schoonmaak", "Slagerij", "Software", "Sport", "Stukadoors", "Techniek", "Transport", "Uitzendbureau",
    "Vastgoed", "Verhuur", "Verpakkingen", "Zorg", "Zuivel",
)  # fmt: skip
_PLACES = (
    "Alkmaar", "Almelo", "Almere", "Amersfoort", "Amstelveen", "Amsterdam", "Apeldoorn", "Arnhem", "Assen", "Breda",
    "Delft", "Den Bosch", "Den Haag", "Deventer", "Dordrecht", "Drachten", "Ede", "Eindhoven", "Emmen", "Enschede",
    "Goes", "Gouda", "Groningen", "Haarlem", "Heerenveen", "Heerlen", "Helmond", "Hengelo", "Hilversum", "Hoorn",
    "Leeuwarden", "Leiden", "Lelystad", "Maastricht", "Middelburg", "Nijmegen", "Oss", "Purmerend", "Roermond",
    "Roosendaal", "Rotterdam", "Schiedam", "Sittard", "Sneek", "Tiel", "Tilburg", "Utrecht", "Veenendaal", "Venlo",
    "Vlaardingen", "Weert", "Zaandam", "Zeist", "Zoetermeer", "Zutphen", "Zwijndrecht", "Zwolle",
)  # fmt: skip
_PARTS = (
    "",
    "Holding",
    "Beheer",
    "Vastgoed",
    "Werkmaatschappij",
    "Pensioen",
    "Export",
    "Personeel",
    "Services",
)
_FORMS = ("B.V.", "B.V.", "B.V.", "B.V.", "V.O.F.", "N.V.", "Stichting", "Coöperatie U.A.")
OWNERS = (
    "Sanne de Vries", "Daan Bakker", "Fatima El Amrani", "Pieter van Dijk", "Lotte Jansen", "Mehmet Yılmaz",
    "Anouk Willems", "Thijs Hoekstra", "Iris Vermeulen", "Bram Peeters", "Noor de Boer", "Ruben Smit",
)  # fmt: skip

_TOTAL = len(_FAMILIES) * len(_TRADES) * len(_PLACES)
_STRIDE = 104_729
"""A prime that divides none of the three lengths: stepping by it visits every combination once."""


def company_name(number: int) -> str:
    """The name of company ``number``, different for every number; neighbours have nothing in common."""
    round_, rest = divmod(number, _TOTAL)
    scrambled = rest * _STRIDE % _TOTAL
    family = _FAMILIES[scrambled % len(_FAMILIES)]
    trade = _TRADES[scrambled // len(_FAMILIES) % len(_TRADES)]
    place = _PLACES[scrambled // (len(_FAMILIES) * len(_TRADES))]
    again = f" {round_ + 1}" if round_ else ""
    return f"{family} {trade} {place}{again} {_FORMS[number % len(_FORMS)]}"


def administration_name(company: int, index: int) -> str:
    """The name of a company's administration: its own first, then its parts, then those of other companies."""
    if index == 0:
        return company_name(company)
    if index < len(_PARTS):
        return f"{company_name(company).rsplit(' ', 1)[0]} {_PARTS[index]} B.V."
    return company_name(company * 31 + index * 7919)
