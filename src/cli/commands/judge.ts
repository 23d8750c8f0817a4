// Commands that judge an engine, and tell of it.
import { type Command, Option } from 'commander'
import { parseCount, parsePositive, parseSeconds, parseTolerance } from '../arguments.ts'
import type { AuditFlags, ExplainFlags, MatrixFlags, ReportFlags, VerifyFlags } from '../flags.ts'
import { parsePart } from '../shard.ts'
import { collected, commandHelp, engineHelp, filterHelp, fixturesHelp, pageHelp, targetHelp } from './help.ts'

export function addJudging(torchParity: Command): void {
  torchParity
    .command('verify')
    .description('judge an engine by recorded PyTorch runs')
    .argument('[path...]', fixturesHelp)
    .option('--engine <file>', engineHelp)
    .option('--engine-command <command>', commandHelp)
    .option('--engine-page <page>', pageHelp)
    .option('--answers <folder>', 'answers that were computed elsewhere, instead of an engine')
    .option('--map <file>', 'rules in JSON for how the tensors of answers are called')
    .option('--partial', 'let answers be to some of the cases alone')
    .addOption(
      new Option('--tolerance <policy>', 'budget, torch, or rtol,atol')
        .argParser(parseTolerance)
        .default({ kind: 'budget' } as const, 'budget: the error that each fixture carries'),
    )
    .option('--target <name>', targetHelp)
    .option('--no-equal-nan', 'let NaN match nothing')
    .option('--filter <text>', filterHelp, collected)
    .option('--fail-fast', 'stop at the first mismatch or error')
    .option('--json <file>', 'write the results as JSON')
    .option('--report <folder>', 'write index.html, a page to look at, and results.json')
    .option('--quiet', 'print only mismatches, errors and the summary')
    .option(
      '--max-mismatches <number>',
      'how many mismatches are printed; all are counted, and written',
      parseCount,
      10,
    )
    .option('--known-failures <file>', 'failures that are known: only others count, and those that fail no more')
    .option('--update-known-failures', 'write what fails into that file')
    .option('--list', 'print file#id of each case that is meant, and judge nothing')
    .option('--watch', 'judge again whenever the engine, or a file beside it, changes')
    .option('--repeat <number>', 'how often each case is asked, with others in between', parsePositive, 2)
    .option(
      '--order <seed>',
      'of the order in which cases are asked again, and of the parts of a sequence',
      parseCount,
      0,
    )
    .option('--timeout <seconds>', 'how long an engine may take for one answer', parseSeconds, 60)
    .option(
      '--shard <part>',
      'judge the I-th of N parts, such as 3/16; `report` puts the results of all together',
      parsePart,
    )
    .action(async (paths: string[], flags: VerifyFlags) => {
      const { timeout, failFast = false, quiet = false, filter = [], list, watch, ...rest } = flags
      const options = { ...rest, filter, failFast, quiet, timeoutMs: 1000 * timeout }
      if (list === true) {
        const { listFiles } = await import('../list.ts')
        process.exitCode = await listFiles(paths, options)
      } else if (watch === true) {
        const { watchFiles } = await import('../watch.ts')
        process.exitCode = await watchFiles(paths, options)
      } else {
        const { verifyFiles } = await import('../verify.ts')
        process.exitCode = await verifyFiles(paths, options)
      }
    })

  torchParity
    .command('explain')
    .description(
      'say where an engine departs from PyTorch in a case, which change to PyTorch’s program explains it, and when it is wrong',
    )
    .argument('<file>', 'a fixture file')
    .requiredOption('--case <id>', 'the case, or how its id alone begins')
    .option('--engine <file>', engineHelp)
    .option('--engine-command <command>', commandHelp)
    .option('--engine-page <page>', pageHelp)
    .option('--actual <file>', 'tensors computed elsewhere: .npy, .npz, .safetensors, or .msgpack')
    .option('--answers <folder>', 'the same of all cases, as `verify --answers` takes them')
    .option('--map <file>', 'rules in JSON for how those tensors are called')
    .option('--target <name>', targetHelp)
    .option('--timeout <seconds>', 'how long the engine may take for one run', parseSeconds, 60)
    .option('--search <seconds>', 'how long to look for a cause', parseSeconds, 3)
    .option('--json <file>', 'write the results as JSON, as `verify` does')
    .action(async (file: string, flags: ExplainFlags) => {
      const { explain } = await import('../explain.ts')
      const { timeout, search, ...rest } = flags
      process.exitCode = await explain(file, { ...rest, timeoutMs: 1000 * timeout, searchMs: 1000 * search })
    })

  torchParity
    .command('audit')
    .description('plant every known fault in our engine and show which cases reveal it')
    .argument('[path...]', fixturesHelp)
    .option('--only-applicable', 'do not fail for faults that no case has anything to do with')
    .option('--target <name>', targetHelp)
    .option('--report <folder>', 'add the table to what `verify --report` has left there')
    .option('--json <file>', 'write the table as JSON')
    .action(async (paths: string[], { onlyApplicable, ...rest }: AuditFlags) => {
      const { audit } = await import('../audit.ts')
      process.exitCode = await audit(paths, { onlyApplicable: onlyApplicable ?? false, ...rest })
    })

  torchParity
    .command('matrix')
    .description('judge engines side by side: float32 and every framework that is installed, module by module')
    .argument('[path...]', fixturesHelp)
    .option('--engine <name...>', 'these engines, by names or files as of verify')
    .option('--json <file>', 'write everything as JSON, with each case that departs')
    .option('--markdown <file>', 'write the tables, which are printed as well')
    .option('--html <file>', 'write a page in which a cell opens its cases')
    .option('--timeout <seconds>', 'how long an engine may take for one answer', parseSeconds, 60)
    .option('--quiet', 'show no progress')
    .action(async (paths: string[], { engine, timeout, quiet, ...flags }: MatrixFlags) => {
      const { matrix } = await import('../matrix.ts')
      const limits = { timeoutMs: 1000 * timeout, quiet: quiet ?? false }
      process.exitCode = await matrix(paths, { ...flags, ...limits, engine: engine ?? [] })
    })

  torchParity
    .command('report')
    .description('make other reports of what `verify --json` has written, of several files as one')
    .argument('<results...>', 'results as JSON')
    .option('--junit <file>', 'write JUnit XML')
    .option('--html <file>', 'write the page that `verify --report` writes')
    .option('--against <results>', 'earlier results, or another engine’s, which the page compares these with')
    .option('--jsonl <file>', 'write JSON Lines: one case a line')
    .option('--json <file>', 'write the results again, those of several files as one')
    .option('--text <file>', 'write plain text, which is printed when nothing else is asked for')
    .option('--summary <file>', 'write a summary in Markdown')
    .option('--github', 'print annotations, and add the summary to $GITHUB_STEP_SUMMARY')
    .action(async (files: string[], flags: ReportFlags) => {
      const { report } = await import('../report.ts')
      process.exitCode = await report(files, { ...flags, github: flags.github ?? false })
    })
}
