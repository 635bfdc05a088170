"""Currencies and how many decimals each has.

Source: ISO 4217, list one (current currency and funds codes), as amended up to January 2026
(Caribbean guilder, Zimbabwe gold, Arab accounting dinar; the Bulgarian lev gave way to the euro on
2026-01-01). Codes for which the standard gives no minor unit (metals, SDR, test codes) are left
out: no price is ever agreed in them.
"""

from types import MappingProxyType
from typing import Final

_CURRENT: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD
        CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS
        GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD
        LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB
        PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP
        SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW
        ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
# Withdrawn in recent years (list three): invoices of those years are still imported and counted.
_WITHDRAWN: Final = {2: "ANG BGN CUC HRK SLL ZWL"}

MINOR_DIGITS: Final = MappingProxyType(
    {
        code: digits
        for table in (_CURRENT, _WITHDRAWN)
        for digits, codes in table.items()
        for code in codes.split()
    }
)
