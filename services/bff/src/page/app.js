// One plain page over the public API: everything it does, a portal can do.
const $ = (id) => document.getElementById(id);
const words = {
  pending_upload: 'waiting for the file', uploaded: 'received', scanning: 'being checked',
  quarantined: 'being reviewed',
  ready: 'accepted', rejected: 'not accepted', expired: 'too late',
  draft: 'draft', issued: 'to be paid', part_paid: 'paid in part', paid: 'paid', cancelled: 'cancelled', written_off: 'closed',
};
const reasons = {
  INFECTED: 'a virus was found', TYPE_MISMATCH: 'the content is not of the declared type',
  SIZE_MISMATCH: 'the size is not as declared', CHECKSUM_MISMATCH: 'the content is not as declared',
  UNSCANNABLE: 'the file cannot be checked',
};
let csrf = '';
let seq = 0;

async function api(method, path, body) {
  const headers = {};
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (method !== 'GET') {
    headers['x-csrf-token'] = csrf;
    headers['idempotency-key'] = crypto.randomUUID();
  }
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) {
    const fields = (answer.errors ?? []).map((error) => `${error.field} ${error.rule}`).join('; ');
    throw Object.assign(new Error(fields || answer.detail), { status: response.status, code: answer.code });
  }
  return answer;
}

function cell(row, content) {
  const td = row.insertCell();
  td.append(content);
  return td;
}

function showDocument(doc) {
  $('none').hidden = true;
  const old = document.querySelector(`tr[data-id="${doc.id}"]`);
  const row = document.createElement('tr');
  row.dataset.id = doc.id;
  row.dataset.status = doc.status;
  cell(row, doc.file_name);
  cell(row, doc.purpose);
  const tag = document.createElement('span');
  tag.className = `tag ${doc.status}`;
  tag.textContent = words[doc.status] ?? doc.status;
  const status = cell(row, tag);
  if (doc.rejection) status.append(` ${reasons[doc.rejection] ?? doc.rejection}`);
  const actions = cell(row, '');
  if (doc._links.download) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Download';
    button.className = 'download';
    button.addEventListener('click', () => download(doc._links.download));
    actions.append(button);
  }
  if (doc._links.preview) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Preview';
    button.className = 'preview';
    button.addEventListener('click', () => preview(doc, actions));
    actions.append(' ', button);
  }
  if (old) old.replaceWith(row); else $('documents').prepend(row);
}

// Staff say what for, which the owner can read afterwards.
function reading(link) {
  const url = new URL(link, window.location);
  if (!$('office').hidden) url.searchParams.set('purpose', $('why').value);
  return url;
}

async function askWhy() {
  const { body } = await api('GET', '/v1/staff/policies/document/access');
  for (const purpose of Object.keys(body.purposes)) $('why').append(new Option(purpose.replaceAll('_', ' '), purpose));
  $('office').hidden = false;
}

async function download(link) {
  try {
    const { url } = await api('GET', reading(link));
    window.location.assign(url);
  } catch (error) { fail(error); }
}

// Asked for by a click, since who is shown a page is written down.
async function preview(doc, cell) {
  try {
    const shown = await api('GET', reading(doc._links.preview));
    cell.querySelector('.shown')?.remove();
    const box = document.createElement('div');
    box.className = 'shown';
    const [page] = shown.pages;
    if (page) {
      const image = document.createElement('img');
      image.src = page.url;
      image.alt = `Page 1 of ${shown.total_pages}`;
      image.width = 240;
      box.append(image);
    } else {
      box.append({ pending: 'The preview is being made.', failed: 'There is no preview.' }[shown.status]
        ?? 'Files of this type have no preview.');
    }
    cell.append(box);
  } catch (error) { fail(error); }
}

async function loadDocuments() {
  const { documents } = await api('GET', '/v1/documents?page_size=50');
  $('none').hidden = documents.length > 0;
  documents.reverse().forEach(showDocument);
}

function money({ minor_units, currency }) {
  const format = new Intl.NumberFormat(undefined, { style: 'currency', currency });
  return format.format(minor_units / 10 ** format.resolvedOptions().maximumFractionDigits);
}

function showBill(bill) {
  $('owed').hidden = false;
  const old = document.querySelector(`#bills tr[data-id="${bill.id}"]`);
  const row = document.createElement('tr');
  row.dataset.id = bill.id;
  row.dataset.status = bill.status;
  cell(row, bill.reference);
  cell(row, bill.lines.map((line) => line.description ?? '').join(', '));
  cell(row, money(bill.outstanding));
  cell(row, bill.due_on);
  const tag = document.createElement('span');
  tag.className = `tag ${bill.overdue ? 'rejected' : bill.status}`;
  tag.textContent = bill.overdue ? 'overdue' : words[bill.status] ?? bill.status;
  cell(row, tag);
  const actions = cell(row, '');
  if (bill._links.pay) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Pay';
    button.className = 'pay';
    button.addEventListener('click', () => pay(bill, button));
    actions.append(button);
  }
  if (bill._links.pdf) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'PDF';
    button.className = 'pdf';
    button.addEventListener('click', () => download(bill._links.pdf));
    actions.append(' ', button);
  }
  if (old) old.replaceWith(row); else $('bills').prepend(row);
}

function sayOfBill(text, bad = false) {
  $('bill-status').textContent = text;
  $('bill-status').classList.toggle('error', bad);
}

// Goes on with the payment that is under way, if there is one: a bill has one at a time.
async function pay(bill, button) {
  button.disabled = true;
  try {
    sayOfBill('Asking the payment provider …');
    let payment;
    try {
      payment = await api('POST', bill._links.pay, { bill_id: bill.id, return_url: new URL('/', location).href });
    } catch (error) {
      if (error.code !== 'PAYMENT_UNDER_WAY') throw error;
      ({ payments: [payment] } = await api('GET', bill._links.payments));
    }
    for (let tries = 0; tries < 60 && payment.status === 'processing' && !payment._links.next; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      payment = await api('GET', payment._links.self);
    }
    if (payment._links.next) window.location.assign(payment._links.next);
    else sayOfBill('The payment provider does not answer. Your bill stays as it is; look again in a while.', true);
  } catch (error) { sayOfBill(error.message, true); } finally { button.disabled = false; }
}

async function loadBills() {
  const { bills } = await api('GET', '/v1/bills?page_size=50');
  bills.reverse().forEach(showBill);
}

function showFeed(item) {
  const li = document.createElement('li');
  li.value = item.seq;
  const title = document.createElement('strong');
  title.textContent = item.title;
  const time = document.createElement('time');
  time.dateTime = item.created_at;
  time.textContent = new Date(item.created_at).toLocaleTimeString();
  li.append(title, ' ', time, document.createElement('br'), item.body);
  $('feed').prepend(li);
}

function follow() {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const socket = new WebSocket(`${scheme}://${location.host}/ws/notifications?after=${seq}`);
  socket.onopen = () => { $('live').textContent = 'live'; $('live').classList.add('on'); };
  socket.onmessage = async (event) => {
    const item = JSON.parse(event.data);
    seq = item.seq;
    showFeed(item);
    if (item.subject_type === 'document') {
      try { showDocument(await api('GET', `/v1/documents/${item.subject_id}`)); } catch (error) { fail(error); }
    }
    if (item.subject_type === 'bill') {
      try { showBill(await api('GET', `/v1/bills/${item.subject_id}`)); } catch (error) { sayOfBill(error.message, true); }
    }
  };
  socket.onclose = () => {
    $('live').textContent = 'reconnecting';
    $('live').classList.remove('on');
    setTimeout(follow, 1000 + Math.random() * 2000);
  };
}

// Sends bytes; `sent` is told how many have left.
function put(upload, bytes, sent) {
  // XMLHttpRequest, since fetch cannot show how far an upload has come.
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(upload.method, upload.url);
    for (const [name, value] of Object.entries(upload.headers)) {
      // Browsers set these two themselves; both are part of the signature.
      if (!['content-length', 'host'].includes(name.toLowerCase())) request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => sent(event.loaded);
    request.onload = () => (request.status < 300 ? resolve() : reject(Object.assign(new Error('the file store refused the file'), { status: request.status })));
    request.onerror = () => reject(new Error('the file could not be sent; try again'));
    request.send(bytes);
  });
}

// The SHA-256 of a file of any size, made by a worker.
function sha256(file) {
  return new Promise((resolve, reject) => {
    const worker = new Worker('/assets/sha256.js');
    const end = (settle, value) => { worker.terminate(); settle(value); };
    worker.onmessage = ({ data }) => {
      if (data.sha256) end(resolve, data.sha256);
      else if (data.error) end(reject, new Error(data.error));
      else $('progress').value = data.done;
    };
    worker.onerror = () => end(reject, new Error('the file could not be read'));
    worker.postMessage(file);
  });
}

async function sha256OfPart(bytes) {
  const digest = await crypto.subtle.digest('SHA-256', await bytes.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

// The same file that was begun before, perhaps in a window that is closed since.
async function begun(declared) {
  const { documents } = await api('GET', '/v1/documents?page_size=200');
  return documents.find((doc) => doc.parts && ['purpose', 'size_bytes', 'sha256'].every((field) => doc[field] === declared[field]));
}

const TRIES = 8;

// Sends what has not arrived yet, part by part. A part whose connection breaks is signed and sent again.
async function sendParts(doc, file) {
  const { arrived, complete } = await api('GET', doc._links.parts);
  if (complete) return;
  const there = new Map(arrived.map((part) => [part.number, part.sha256]));
  for (let number = 1; number <= doc.parts.count; number += 1) {
    const from = (number - 1) * doc.parts.size_bytes;
    const bytes = file.slice(from, from + doc.parts.size_bytes);
    const digest = await sha256OfPart(bytes);
    const sent = (loaded) => { $('progress').value = (from + loaded) / file.size; };
    for (let tries = 1; there.get(number) !== digest; tries += 1) {
      try {
        const { parts } = await api('POST', doc._links.parts, { parts: [{ number, sha256: digest }] });
        await put(parts[0].upload, bytes, sent);
        there.set(number, digest);
      } catch (error) {
        if (error.code || tries === TRIES) throw error;
        say('The connection was lost. Trying again …');
        await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** tries));
      }
    }
    say(`Sending part ${number} of ${doc.parts.count} …`);
    sent(bytes.size);
  }
}

function say(text, bad = false) {
  $('upload-status').textContent = text;
  $('upload-status').classList.toggle('error', bad);
}

function fail(error) { say(error.message, true); }

$('upload').addEventListener('submit', async (event) => {
  event.preventDefault();
  const file = $('file').files[0];
  if (!file) return;
  $('send').disabled = true;
  $('progress').hidden = false;
  $('progress').value = 0;
  try {
    say('Preparing …');
    const declared = {
      purpose: $('purpose').value, file_name: file.name, content_type: file.type || 'text/plain',
      size_bytes: file.size, sha256: await sha256(file),
    };
    $('progress').value = 0;
    const doc = await begun(declared) ?? await api('POST', '/v1/documents', declared);
    showDocument(doc);
    say('Sending …');
    if (doc.parts) await sendParts(doc, file);
    else await put(doc.upload, file, (loaded) => { $('progress').value = loaded / file.size; });
    showDocument(await api('POST', doc._links.confirm));
    say('Sent. The check takes a few seconds.');
    event.target.reset();
  } catch (error) { fail(error); } finally {
    $('send').disabled = false;
    $('progress').hidden = true;
  }
});

$('sign-out').addEventListener('click', async () => {
  const { logout_url } = await api('POST', '/auth/logout');
  window.location.assign(logout_url ?? '/');
});

try {
  const me = await api('GET', '/v1/me');
  csrf = me.csrf_token;
  $('who').textContent = me.tenant;
  for (const id of ['who', 'sign-out', 'app']) $(id).hidden = false;
  if (me.is_staff) await askWhy();
  await loadDocuments();
  // Documents are there without the bills.
  await loadBills().catch((error) => { $('owed').hidden = false; sayOfBill(error.message, true); });
  const { notifications } = await api('GET', '/v1/notifications?page_size=200');
  for (const item of notifications) { seq = item.seq; showFeed(item); }
  follow();
} catch (error) {
  if (error.status !== 401) throw error;
  for (const id of ['sign-in', 'welcome']) $(id).hidden = false;
}
