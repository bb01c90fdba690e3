// One plain page over the public API: everything it does, a portal can do.
const $ = (id) => document.getElementById(id);
const words = {
  pending_upload: 'waiting for the file', uploaded: 'received', scanning: 'being checked',
  ready: 'accepted', rejected: 'not accepted', expired: 'too late',
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
    button.addEventListener('click', () => download(doc));
    actions.append(button);
  }
  if (old) old.replaceWith(row); else $('documents').prepend(row);
}

async function download(doc) {
  try {
    const { url } = await api('GET', doc._links.download);
    window.location.assign(url);
  } catch (error) { fail(error); }
}

async function loadDocuments() {
  const { documents } = await api('GET', '/v1/documents?page_size=50');
  $('none').hidden = documents.length > 0;
  documents.reverse().forEach(showDocument);
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
  };
  socket.onclose = () => {
    $('live').textContent = 'reconnecting';
    $('live').classList.remove('on');
    setTimeout(follow, 1000 + Math.random() * 2000);
  };
}

function put(upload, file) {
  // XMLHttpRequest, since fetch cannot show how far an upload has come.
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(upload.method, upload.url);
    for (const [name, value] of Object.entries(upload.headers)) {
      // Browsers set these two themselves; both are part of the signature.
      if (!['content-length', 'host'].includes(name.toLowerCase())) request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => { if (event.lengthComputable) $('progress').value = event.loaded / event.total; };
    request.onload = () => (request.status < 300 ? resolve() : reject(new Error('the file store refused the file')));
    request.onerror = () => reject(new Error('the file could not be sent; try again'));
    request.send(file);
  });
}

async function sha256(file) {
  const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
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
    const doc = await api('POST', '/v1/documents', {
      purpose: $('purpose').value, file_name: file.name, content_type: file.type || 'text/plain',
      size_bytes: file.size, sha256: await sha256(file),
    });
    showDocument(doc);
    say('Sending …');
    await put(doc.upload, file);
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
  await loadDocuments();
  const { notifications } = await api('GET', '/v1/notifications?page_size=200');
  for (const item of notifications) { seq = item.seq; showFeed(item); }
  follow();
} catch (error) {
  if (error.status !== 401) throw error;
  for (const id of ['sign-in', 'welcome']) $(id).hidden = false;
}
