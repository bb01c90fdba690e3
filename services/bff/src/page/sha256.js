// A worker: the SHA-256 of a file of any size, read in pieces. `crypto.subtle` wants the whole in memory.
const PIECE = 4 * 1024 * 1024;

// The first 32 bits of the fractional parts of roots of the first primes: of square roots for the state, of cube roots for
// the rounds (FIPS 180-4).
const primes = [];
for (let n = 2; primes.length < 64; n += 1) if (primes.every((prime) => n % prime)) primes.push(n);
const fraction = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;
const state = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));
const rounds = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
const words = new Int32Array(64);

function block(view, at) {
  for (let i = 0; i < 16; i += 1) words[i] = view.getInt32(at + 4 * i);
  for (let i = 16; i < 64; i += 1) {
    const x = words[i - 15];
    const y = words[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[i] = (words[i - 16] + s0 + words[i - 7] + s1) | 0;
  }
  // Not destructured: that takes several times as long.
  let a = state[0]; let b = state[1]; let c = state[2]; let d = state[3];
  let e = state[4]; let f = state[5]; let g = state[6]; let h = state[7];
  for (let i = 0; i < 64; i += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + rounds[i] + words[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
  }
  state[0] += a; state[1] += b; state[2] += c; state[3] += d;
  state[4] += e; state[5] += f; state[6] += g; state[7] += h;
}

function blocks(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 64 <= bytes.length; at += 64) block(view, at);
}

// Every piece but the last is a multiple of 64 bytes.
function last(bytes, size) {
  const rest = bytes.length % 64;
  blocks(bytes.subarray(0, bytes.length - rest));
  const padded = new Uint8Array(rest < 56 ? 64 : 128);
  padded.set(bytes.subarray(bytes.length - rest));
  padded[rest] = 0x80;
  new DataView(padded.buffer).setBigUint64(padded.length - 8, BigInt(size) * 8n);
  blocks(padded);
}

self.onmessage = async ({ data: file }) => {
  try {
    let at = 0;
    for (; at + PIECE < file.size; at += PIECE) {
      blocks(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()));
      self.postMessage({ done: at / file.size });
    }
    last(new Uint8Array(await file.slice(at).arrayBuffer()), file.size);
    self.postMessage({ sha256: Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('') });
  } catch (error) {
    self.postMessage({ error: error.message });
  }
};
