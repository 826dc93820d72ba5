"""The fields of Exact's resources: every documented one is served, as null where there is nothing to say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from core.simulator.data import ARCHIVED, Division, User
from core.simulator.limits import milliseconds
from core.simulator.odata import Row

CREATED = datetime(2015, 3, 2, 9, 30, tzinfo=UTC)
_ME = (
    "UserID", "AccountingDivision", "CurrentDivision", "CustomerCode", "DivisionCustomer",
    "DivisionCustomerCode", "DivisionCustomerName", "DivisionCustomerSiretNumber",
    "DivisionCustomerVatNumber", "DossierDivision", "Email", "EmployeeID", "FirstName", "FullName",
    "Gender", "Initials", "IsClientUser", "IsEmployeeSelfServiceUser", "IsMyFirmLiteUser",
    "IsMyFirmPortalUser", "IsOEIMigrationMandatory", "IsStarterUser", "Language", "LanguageCode",
    "LastName", "Legislation", "MiddleName", "Mobile", "Nationality", "PackageCode", "Phone",
    "PhoneExtension", "PictureUrl", "ServerTime", "ServerUtcOffset", "ThumbnailPicture",
    "ThumbnailPictureFormat", "Title", "UserName",
)  # fmt: skip
_SYSTEM_DIVISION = (
    "Code", "AddressLine1", "AddressLine2", "AddressLine3", "ArchiveDate", "BlockingStatus",
    "BusinessTypeCode", "BusinessTypeDescription", "ChamberOfCommerceEstablishment",
    "ChamberOfCommerceNumber", "City", "Class_01", "Class_02", "Class_03", "Class_04", "Class_05",
    "CompanySizeCode", "CompanySizeDescription", "Country", "Created", "Creator", "CreatorFullName",
    "Currency", "Current", "Customer", "CustomerCode", "CustomerName", "DatevAccountantNumber",
    "DatevClientNumber", "Description", "DivisionHRLinkUnlinkDate", "DivisionMoveDate", "Email", "Fax",
    "Hid", "IsDossierDivision", "IsHRDivision", "IsMainDivision", "IsPracticeDivision", "Legislation",
    "Modified", "Modifier", "ModifierFullName", "OBNumber", "Phone", "Postcode", "SbiCode",
    "SbiDescription", "SectorCode", "SectorDescription", "ShareCapital", "SiretNumber", "StartDate",
    "State", "Status", "SubsectorCode", "SubsectorDescription", "TaxOfficeNumber", "TaxReferenceNumber",
    "TemplateCode", "VATNumber", "Website",
)  # fmt: skip
_HRM_DIVISION = (
    "Code", "ArchiveDate", "BlockingStatus", "Class_01", "Class_02", "Class_03", "Class_04", "Class_05",
    "Country", "CountryDescription", "Created", "Creator", "CreatorFullName", "Currency",
    "CurrencyDescription", "Customer", "CustomerCode", "CustomerName", "Description", "HID", "Main",
    "Modified", "Modifier", "ModifierFullName", "OBNumber", "SiretNumber", "StartDate", "Status",
    "TaxOfficeNumber", "TaxReferenceNumber", "TemplateCode", "VATNumber", "Website",
)  # fmt: skip
_ACCOUNT = (
    "ID", "Blocked", "City", "Code", "Country", "Created", "Division", "Email", "IsSupplier", "LogoUrl",
    "MainContact", "Modified", "Name", "Phone", "Postcode", "Status", "VATNumber", "Website",
)  # fmt: skip
_COUNTRY_NAMES = {"NL": "Netherlands", "BE": "Belgium", "DE": "Germany"}
_LANGUAGES = {"nl": "nl-NL", "be": "nl-BE", "de": "de-DE"}
_ACCOUNT_NAMES = (
    "Albers Groothandel B.V.",
    "Bos & Partners",
    "Claessens Transport",
    "Drukkerij De Pers",
    "Energiefonds",
)


def date(moment: datetime, *, cet: bool) -> str:
    """Exact's date, e.g. "/Date(1382667872203)/"; one source says the value counts in Amsterdam time."""
    shift = moment.astimezone(ZoneInfo("Europe/Amsterdam")).utcoffset() if cet else None
    return f"/Date({milliseconds(moment + (shift or timedelta(0)))})/"


def me_row(user: User, home: Division, now: datetime, *, cet: bool, padded: bool) -> Row:
    """The one row of current/Me; ``home`` is the current division."""
    first, _, last = user.full_name.partition(" ")
    return _filled(
        _ME,
        UserID=str(user.id),
        AccountingDivision=home.code,
        CurrentDivision=home.code,
        CustomerCode=_customer_code(home, padded=padded),
        DivisionCustomer=str(home.customer_id),
        DivisionCustomerCode=_customer_code(home, padded=padded),
        DivisionCustomerName=home.customer,
        DivisionCustomerVatNumber=home.vat_number,
        DossierDivision=0,
        Email=user.name,
        FirstName=first,
        FullName=user.full_name,
        Gender="O",
        Initials=first[:1],
        IsClientUser=False,
        IsEmployeeSelfServiceUser=False,
        IsMyFirmLiteUser=False,
        IsMyFirmPortalUser=False,
        IsOEIMigrationMandatory=False,
        IsStarterUser=False,
        Language="EN",
        LanguageCode=_LANGUAGES.get(user.environment, "en-GB"),
        LastName=last,
        # Documented as a number, seen as a string.
        Legislation=home.legislation,
        Nationality=home.country,
        ServerTime=date(now, cet=cet),
        ServerUtcOffset=3600,
        UserName=user.name,
    )


def system_division_row(division: Division, current: int, *, cet: bool, padded: bool) -> Row:
    """A row of system/Divisions: Status 0 inactive, 1 active, 2 archived."""
    return _filled(
        _SYSTEM_DIVISION,
        **_shared(division, cet=cet, padded=padded),
        AddressLine1="Voorbeeldstraat 1",
        City=division.city,
        Current=division.code == current,
        Hid=str(division.code % 100_000),
        IsDossierDivision=False,
        IsHRDivision=False,
        IsMainDivision=division.main,
        IsPracticeDivision=False,
        Legislation=division.legislation,
        Status=division.status,
    )


def hrm_division_row(division: Division, *, cet: bool, padded: bool) -> Row:
    """A row of hrm/Divisions: HID and Main instead of Hid and IsMainDivision; Status 0 normal, 1 archived."""
    return _filled(
        _HRM_DIVISION,
        **_shared(division, cet=cet, padded=padded),
        CountryDescription=_COUNTRY_NAMES.get(division.country, division.country),
        CurrencyDescription="Euro",
        HID=division.code % 100_000,
        Main=division.main,
        Status=1 if division.status == ARCHIVED else 0,
    )


def account_rows(division: Division, *, cet: bool) -> list[Row]:
    """The relations of a division: five, always the same."""
    return [
        _filled(
            _ACCOUNT,
            ID=str(uuid5(NAMESPACE_URL, f"account/{division.environment}/{division.code}/{number}")),
            Blocked=False,
            City=division.city,
            Code=f"{number:>18}",
            Country=f"{division.country} ",
            Created=date(CREATED, cet=cet),
            Division=division.code,
            IsSupplier=number % 2 == 0,
            Modified=date(CREATED, cet=cet),
            Name=name,
            Status="C",
        )
        for number, name in enumerate(_ACCOUNT_NAMES, start=1)
    ]


def _shared(division: Division, *, cet: bool, padded: bool) -> Row:
    author = uuid5(NAMESPACE_URL, f"author/{division.customer_id}")
    return {
        "Code": division.code,
        "ArchiveDate": date(CREATED + timedelta(days=1700), cet=cet) if division.status == ARCHIVED else None,
        "BlockingStatus": division.blocking,
        "Country": division.country,
        "Created": date(CREATED, cet=cet),
        "Creator": str(author),
        "CreatorFullName": division.customer,
        "Currency": "EUR",
        "Customer": str(division.customer_id),
        "CustomerCode": _customer_code(division, padded=padded),
        "CustomerName": division.customer,
        "Description": division.name,
        "Modified": date(CREATED, cet=cet),
        "Modifier": str(author),
        "ModifierFullName": division.customer,
        "StartDate": date(CREATED, cet=cet),
        "VATNumber": division.vat_number,
    }


def _customer_code(division: Division, *, padded: bool) -> str:
    return f"{division.customer_code:>18}" if padded else str(division.customer_code)


def _filled(names: tuple[str, ...], **values: object) -> Row:
    unknown = values.keys() - set(names)
    if unknown:
        raise KeyError(f"no such field: {sorted(unknown)}")
    row: Row = dict.fromkeys(names)
    row.update(values)  # type: ignore[arg-type]  # the callers above give OData values only
    return row
