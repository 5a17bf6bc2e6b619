"""
Makes test/documents/files/ with other programs, so that what is read is not what this project wrote:
pip install reportlab pikepdf pypandoc_binary; chromium; then python test/documents/make_files.py
"""

import csv
import subprocess
import tempfile
from pathlib import Path

import pikepdf
import pypandoc
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import BaseDocTemplate, Frame, PageBreak, PageTemplate, Paragraph

FILES = Path(__file__).parent / "files"

# Two columns, a hyphen at the end of a line, and headings in larger letters.
styles = getSampleStyleSheet()
width, height = A5
columns = [Frame(x, 30, width / 2 - 35, height - 60) for x in (30, width / 2 + 5)]
report = BaseDocTemplate(str(FILES / "columns.pdf"), pagesize=A5, title="", invariant=1)
report.addPageTemplates(PageTemplate(frames=columns))
text = [
    ("Heading1", "The country of Arlen"),
    (
        "BodyText",
        "Arlen is a country in the north of Europe, whose internatio-<br/>nally known water-<br/>falls lie near Brask. "
        "Its capital is Brask, a well-known centre. It is also a well-<br/>known port of the north.",
    ),
    ("Heading2", "Geography"),
    ("BodyText", "The column on the left ends within a sentence that goes on in the next. " * 9),
    ("Heading2", "History"),
    ("BodyText", "Veld became the second city in 1923. It lies on the river Sorn."),
]
story = [Paragraph(content, styles[style]) for style, content in text]
story += [PageBreak(), PageBreak(), Paragraph("The Sorn was bridged in 1950.", styles["BodyText"])]
report.build(story)

with pikepdf.open(FILES / "columns.pdf") as pdf:
    pdf.save(FILES / "encrypted.pdf", encryption=pikepdf.Encryption(user="secret", owner="owner", R=6))

# What a browser prints.
page = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Tea notes</title>
<style>body { font: 11pt serif } div { columns: 2 }</style>
<h1>Tea notes</h1><p>Tea is a drink made of leaves.</p><h2>Green tea</h2>
<div><p>Green tea is made of leaves from Arlen. The left column goes on for some lines, so that it can be told how far lines are apart.</p><p>The right column: Brask.</p></div>
<h2>Prices</h2><table><tr><th>Kind<th>Price<tr><td>Green<td>4 crowns<tr><td>Black<td>3 crowns</table></html>"""
with tempfile.TemporaryDirectory() as folder:
    source = Path(folder) / "tea.html"
    source.write_text(page)
    chromium = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    subprocess.run([*chromium, f"--print-to-pdf={FILES / 'printed.pdf'}", str(source)], check=True)

# Pandoc's Markdown and its HTML of the same document.
document = r"""---
title: "Arlen: a country"
tags: [europe, north]
draft: false
---

# Cities

Brask is the capital.[^1] See the [map](https://example.org/map "Map") and ![the flag](flag.png).

[^1]: Since 1847.

| City  | Inhabitants | River |
|-------|------------:|:-----:|
| Brask | 98,000      | Sorn  |
| *Veld* \| old | 12,500 |      |

```python
print("Sorn")
```
"""
for to, name in (("gfm", "pandoc.md"), ("html5", "pandoc.html")):
    options = ["--standalone", "--wrap=none"] + (["--syntax-highlighting=none"] if to == "html5" else [])
    pypandoc.convert_text(document, to, format="markdown", outputfile=str(FILES / name), extra_args=options)

# A page in Latin-1 that says so, and a table that Excel would write as "Unicode text".
(FILES / "latin1.html").write_bytes(
    '<html><head><meta http-equiv="Content-Type" content="text/html; charset=ISO-8859-1"></head>'
    "<body><p>Zürich liegt in der Schweiz.</p></body></html>".encode("latin-1")
)
with open(FILES / "utf16.csv", "w", encoding="utf-16", newline="") as file:
    rows = [["id", "title", "text"], ["1", "Zürich", 'A city, "old"\nand big'], ["2", "Genève", "Une ville"]]
    csv.writer(file, dialect="excel-tab").writerows(rows)
