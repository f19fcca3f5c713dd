// What was measured, as the generated part of docs/benchmarks.md.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';

const END = '<!-- end -->';

/** The run whose CPU time is in the middle. Whole runs are compared, so that its figures belong together. */
export function median(runs) {
  const sorted = [...runs].sort((a, b) => a.server.cpu_ms_each - b.server.cpu_ms_each);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

const NAMES = { ours: 'Countersign', 'ours-on-postgresql': 'Countersign on PostgreSQL', peer: 'node-oidc-provider', before: 'before' };

/** One case as lines, one for each way ours is run. The second system is what it is compared with. */
export function linesOf({ name, unit, goal, runs }) {
  const [first, other, ...more] = runs;
  const line = (run) => {
    const [mine, theirs] = [run, other].map((one) => one.server.cpu_ms_each);
    const aim = goal && run === first ? `, goal ${goal}x` : '';
    const where = run === first ? '' : ' (PostgreSQL, with its processes)';
    return `${name.padEnd(15)} ${mine.toFixed(3)} against ${theirs.toFixed(3)} ms a ${unit}: ${(theirs / mine).toFixed(2)}x${aim}${where}`;
  };
  return [first, ...more].map(line);
}

export function machine() {
  const cpus = os.cpus();
  const rustc = execFileSync('rustc', ['--version'], { encoding: 'utf8' }).split(' ')[1];
  const memory = `${Math.round(os.totalmem() / 2 ** 30)} GiB`;
  const date = new Date().toISOString().slice(0, 10);
  return `${date}; ${cpus.length} cores (${cpus[0].model.trim()}), ${memory}; Linux ${os.release()}; node ${process.version}; rustc ${rustc}`;
}

export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const latency = (run, what) => (run.ms[what] ? `${run.ms[what].p50} / ${run.ms[what].p99}` : '-');

function resultsOf(rows) {
  const head = ['case', 'system', 'a second', 'bc-authorize ms', 'pending poll ms', 'token ms', 'server CPU ms each', 'memory MiB', 'robot CPU ms each'];
  const cells = (name, system, run) => [
    name,
    system,
    run.per_second,
    latency(run, 'bca'),
    latency(run, 'pending'),
    latency(run, 'token'),
    run.server.cpu_ms_each,
    run.server.rss_mib,
    run.robot_cpu_ms_each || '-',
  ];
  return table(
    head,
    rows.flatMap((row) => row.runs.map((run, index) => cells(index ? '' : row.name, NAMES[run.system], run))),
  );
}

function pendingOf({ before, opened, after }) {
  const row = (what, run) => [what, run.per_second, run.server.cpu_ms_each, run.server.rss_mib, run.server.peak_mib];
  return table(
    ['', 'a second', 'server CPU ms each', 'memory MiB', 'peak MiB'],
    [row('ES256 polls=6 before', before), row(`opening ${opened.done} requests`, opened), row('ES256 polls=6 beside them', after)],
  );
}

/** Replaces the generated part `name` of the page. */
export function replacePart(file, name, text) {
  const page = fs.readFileSync(file, 'utf8');
  const begin = `<!-- ${name}: written by make bench -->`;
  const from = page.indexOf(begin) + begin.length;
  const to = page.indexOf(END, from);
  if (from < begin.length || to < 0) throw new Error(`${file} has no place for what was ${name}`);
  fs.writeFileSync(file, `${page.slice(0, from)}\n\n${text}\n\n${page.slice(to)}`);
}

/** Writes what the benchmark of whole grants measured. */
export function writePage(file, { rows, pending, options, concurrency, people }) {
  const text = [
    machine(),
    '',
    `${options.rounds} rounds in turn, the median of each; ${options.grants} grants or ${options.polls} polls a run, ${concurrency} at once, ${people} people; ms are p50 / p99.`,
    '',
    'Server CPU, the peer to ours:',
    '',
    '```',
    ...rows.flatMap(linesOf),
    '```',
    '',
    resultsOf(rows),
    ...(pending ? ['', 'Beside very many requests that wait:', '', pendingOf(pending)] : []),
  ].join('\n');
  replacePart(file, 'measured', text);
}
