"""A tiny CRM export with the dirt of the real one, to be written into a folder."""

from pathlib import Path

TEAMS = """\
sales_agent,manager,regional_office
李明,陈静,华东
Anna Snelling,Dustin Brinkmann,Central
Carl Lin,Dustin Brinkmann,Central
"""
PRODUCTS = """\
product,series,sales_price
GTX Pro,GTX,4821
MG Special,MG,55.50
"""
PIPELINE = """\
opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value
W1,李明,GTXPro,东方机械,Won,2017-01-05,2017-03-01,4514
W2,Anna Snelling,MG Special,Isdom,Won,2016-12-30,2017-04-02,50.25
L1,Anna Snelling,GTX Pro,Isdom,Lost,2017-01-05,2017-04-03,0
E1,李明,GTXPro,,Engaging,2017-02-01,,
P1,Anna Snelling,MG Special,,Prospecting,,,
"""


def write(
    folder: Path, *, teams: str = TEAMS, products: str = PRODUCTS, pipeline: str = PIPELINE
) -> Path:
    """Write the three files of an export, some of them other than usual, and return the folder."""
    folder.mkdir(exist_ok=True)
    for name, text in (
        ("sales_teams.csv", teams),
        ("products.csv", products),
        ("sales_pipeline.csv", pipeline),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    return folder
