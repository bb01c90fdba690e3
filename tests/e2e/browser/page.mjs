// Signs in, uploads, watches, downloads and pays a bill in a real browser; then somebody of the office looks into it.
// node page.mjs <base url> <user> <password> <office user> <password> <file> <bill> <screenshot>; prints `ok <n> bytes, paid`.
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { chromium } from 'playwright-core';

const [base, user, password, officer, officerPassword, file, bill, screenshot] = process.argv.slice(2);
const within = 30_000;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
const complaints = [];

async function signedIn(user, password) {
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
  page.setDefaultTimeout(within);
  page.on('pageerror', (error) => complaints.push(`page: ${error.message}`));
  page.on('console', (message) => {
    // A 401 of /v1/me is how the page learns that nobody is signed in.
    if (message.type() === 'error' && !message.text().includes('401')) complaints.push(`console: ${message.text()}`);
  });

  await page.goto(base);
  await page.click('#sign-in');
  await page.fill('#username', user);
  await page.fill('#password', password);
  await page.click('#kc-login');
  await page.waitForSelector('#app:not([hidden])');
  return page;
}

async function downloaded(page, row) {
  const [download] = await Promise.all([page.waitForEvent('download'), row.locator('button.download').click()]);
  return readFile(await download.path());
}

try {
  const page = await signedIn(user, password);
  if (await page.isVisible('#office')) throw new Error('a citizen is asked what for');
  const cookies = await page.context().cookies(base);
  const session = cookies.find((cookie) => cookie.name === '__Host-guildhall');
  if (!session?.httpOnly || !session.secure) throw new Error('no __Host- session cookie');
  await page.waitForSelector('#live.on');

  await page.setInputFiles('#file', file);
  await page.click('#send');
  const ready = (page) => page.locator('#documents tr[data-status="ready"]', { hasText: basename(file) });
  const row = ready(page);
  await row.waitFor();
  const bytes = await downloaded(page, row);
  if (!bytes.equals(await readFile(file))) throw new Error('the download has other bytes');
  await page.waitForFunction(() => document.querySelectorAll('#feed li').length >= 3);
  await page.screenshot({ path: screenshot });

  const owed = page.locator(`#bills tr[data-id="${bill}"]`);
  await owed.locator('button.pay').click();
  await page.waitForURL(/\/checkout\//);
  await page.screenshot({ path: screenshot.replace(/(\.png)?$/, '-checkout.png') });
  await page.fill('#card', '4242 4242 4242 4242');
  await page.click('button[value="pay"]');
  await page.waitForSelector(`#bills tr[data-id="${bill}"][data-status="paid"]`);
  await page.screenshot({ path: screenshot.replace(/(\.png)?$/, '-paid.png'), fullPage: true });

  const office = await signedIn(officer, officerPassword);
  await office.waitForSelector('#office:not([hidden])');
  await office.selectOption('#why', 'casework');
  if (!bytes.equals(await downloaded(office, ready(office)))) throw new Error('the office reads other bytes');
  await office.screenshot({ path: screenshot.replace(/(\.png)?$/, '-office.png') });
  if (complaints.length > 0) throw new Error(complaints.join('\n'));
  console.log(`ok ${bytes.length} bytes, paid`);
} finally {
  await browser.close();
}
