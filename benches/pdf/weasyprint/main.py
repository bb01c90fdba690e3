"""Renders as many bills as it is told, between "go" and the end of its input."""

import json
import sys

from weasyprint import HTML
from weasyprint.text.fonts import FontConfiguration

with open(sys.argv[1], encoding="utf-8") as file:
    task = json.load(file)
fonts = FontConfiguration()


def render(number: int) -> bytes:
    page = task["html"].replace("@@REFERENCE@@", f"2026/B-{number:06}")
    return HTML(string=page).write_pdf(font_config=fonts, pdf_variant="pdf/ua-1")


for number in range(max(task["count"] // 5, 1)):
    render(number)
print("warm", flush=True)
sys.stdin.readline()
last = b""
for number in range(1, task["count"] + 1):
    last = render(number)
with open(task["out"], "wb") as file:
    file.write(last)
print(f"made {task['count']}", flush=True)
sys.stdin.read()
