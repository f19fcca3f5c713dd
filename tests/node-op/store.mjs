// What the provider remembers, in a journal on disk: it knows after a crash what it knew before. For tests: the journal only grows.
import fs from 'node:fs';
import path from 'node:path';

/** The adapter of a provider whose journal lies in `folder`. */
export function journalIn(folder) {
  const file = path.join(folder, 'journal.jsonl');
  const rows = new Map();
  const apply = ({ key, payload, until }) => (payload ? rows.set(key, { payload, until }) : rows.delete(key));
  if (fs.existsSync(file)) for (const line of fs.readFileSync(file, 'utf8').split('\n')) if (line) apply(JSON.parse(line));
  const write = (entry) => {
    fs.appendFileSync(file, `${JSON.stringify(entry)}\n`);
    apply(entry);
  };

  return class Journal {
    constructor(model) {
      this.model = model;
    }

    #key = (id) => `${this.model}:${id}`;

    // What is over is kept for a minute, so that a client hears of the end of its request.
    #find(matches) {
      for (const [key, { payload, until }] of rows) {
        if (key.startsWith(`${this.model}:`) && matches(key, payload) && !(until < Date.now() - 60_000)) return structuredClone(payload);
      }
    }

    async upsert(id, payload, expiresIn) {
      write({ key: this.#key(id), payload, until: expiresIn && Date.now() + expiresIn * 1000 });
    }

    async find(id) {
      return this.#find((key) => key === this.#key(id));
    }

    async findByUid(uid) {
      return this.#find((_, payload) => payload.uid === uid);
    }

    async findByUserCode(userCode) {
      return this.#find((_, payload) => payload.userCode === userCode);
    }

    async consume(id) {
      const key = this.#key(id);
      const row = rows.get(key);
      if (row) write({ key, ...row, payload: { ...row.payload, consumed: Math.floor(Date.now() / 1000) } });
    }

    async destroy(id) {
      write({ key: this.#key(id) });
    }

    async revokeByGrantId(grantId) {
      for (const [key, { payload }] of [...rows]) if (payload.grantId === grantId) write({ key });
    }
  };
}
