// Plants each fault in our engine, fuzzes it, and prints in which run it is found and how small the case becomes.
// Needs a Python with python/requirements.txt: TORCH_PARITY_PYTHON names it. RUNS=20000 are made at most, SEED=1 draws them.
import { faulted, faults } from '../../src/edits/faults.ts'
import { fuzz, type Finding } from '../../src/oracle/fuzz.ts'
import { fuzzedModels, isModelSpec } from '../../src/oracle/fuzz/models.ts'
import { fuzzedLayers } from '../../src/oracle/fuzz/spec.ts'
import { renderSpec } from '../../src/oracle/fuzz/words.ts'
import { openOracle } from '../../src/oracle.ts'

const runs = Number(process.env['RUNS'] ?? 20_000)
const seed = Number(process.env['SEED'] ?? 1)

/** One layer, one or two steps, sizes and rows of at most 2. */
function isTiny({ minimal }: Finding): boolean {
  const { seq_len = 1, batch = 4 } = minimal
  const sizes = isModelSpec(minimal)
    ? Object.values(minimal.config).filter((value) => typeof value === 'number')
    : [minimal.input_size, minimal.hidden_size]
  const num_layers = isModelSpec(minimal) ? 1 : (minimal.options?.num_layers ?? 1)
  return num_layers === 1 && Math.max(seq_len, batch ?? 1, ...sizes) <= 2
}

const oracle = await openOracle()
const findings: Finding[] = []
const missed: string[] = []
process.stdout.write('| fault | found in run | smallest case |\n|---|--:|---|\n')
try {
  for (const fault of faults) {
    // A fault that changes nothing is not found.
    if (fault.equivalent !== undefined) continue
    const { finding } = await fuzz((spec) => oracle.record(spec), faulted(fault), {
      // Models are drawn seldom, so that everything else is drawn often.
      modules: fault.of.includes('model') ? fuzzedModels : fuzzedLayers,
      maxSize: 16,
      runs,
      seed,
      concurrency: 32,
    })
    if (finding === undefined) missed.push(fault.name)
    else findings.push(finding)
    process.stdout.write(
      `| ${fault.name} | ${finding?.run ?? 'not found'} | ${finding === undefined ? '' : renderSpec(finding.minimal)} |\n`,
    )
  }
} finally {
  await oracle.close()
}
const found = findings.map(({ run }) => run).toSorted((x, y) => x - y)
process.stdout.write(
  `\n${findings.length} faults found, ${missed.length} not; runs: median ${found[found.length >> 1]}, most ${found.at(-1)}\n` +
    `${findings.filter(isTiny).length} of the smallest cases have one layer, at most 2 steps, and sizes and rows of at most 2\n`,
)
if (missed.length > 0) {
  process.stderr.write(`not found in ${runs} runs: ${missed.join(', ')}\n`)
  process.exitCode = 1
}
