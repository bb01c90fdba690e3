// Renders as many bills as it is told, between "go" and the end of its input, in one tab of one browser.

import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

import puppeteer from "puppeteer-core";

const task = JSON.parse(readFileSync(process.argv[2], "utf8"));
const browser = await puppeteer.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
const tab = await browser.newPage();

async function render(number) {
  const page = task.html.replaceAll("@@REFERENCE@@", `2026/B-${String(number).padStart(6, "0")}`);
  await tab.setContent(page);
  return await tab.pdf({ preferCSSPageSize: true, printBackground: true, tagged: true, outline: false });
}

for (let number = 0; number < Math.max(task.count / 5, 1); number++) await render(number);
console.log("warm");
const told = createInterface({ input: process.stdin });
const ended = new Promise((resolve) => told.once("close", resolve));
await new Promise((resolve) => told.once("line", resolve));
let last;
for (let number = 1; number <= task.count; number++) last = await render(number);
writeFileSync(task.out, last);
console.log(`made ${task.count}`);
await ended;
await browser.close();
