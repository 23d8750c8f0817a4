#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8'
import { Command, CommanderError, Option } from 'commander'
import { parseCount, parseDuration, parsePositive, parseSeconds, parseTolerance } from './cli/arguments.ts'
import { couldNotJudge, end, printError, watchEnding } from './cli/ending.ts'
import { parsePart } from './cli/shard.ts'
import { version } from './cli/version.ts'
import type {
  VerifyFlags,
  AskFlags,
  ExplainFlags,
  ProbeFlags,
  AuditFlags,
  GenerateFlags,
  ReportFlags,
  FuzzFlags,
  DriftFlags,
  MatrixFlags,
  MapFlags,
} from './cli/flags.ts'

// What a case leaves behind dies young, and V8 would let it pile up: this keeps a file of any size within 150 MB.
setFlagsFromString('--semi-space-growth-factor=1')
// What outlives it is small as well: collecting what is left of it early costs no time that shows, and saves 20 MB.
setFlagsFromString('--heap-growing-percent=30')

const engineHelp =
  'a module that exports an Engine: .js, .mjs or .ts; float32: ours in float32; onnxruntime-web, onnxruntime-node, tfjs, tfjs-wasm, or in Python flax, flax-linen, keras, mlx, numpy, onnxruntime-python, tinygrad, where that is installed (default: ours)'
const targetHelp = 'what engines may do otherwise than a CPU: cpu, ftz, wgsl, tf32, f16, or several such as wgsl+tf32'

const fixturesHelp =
  'fixture files, folders, globs, or @names of those that come with this package, such as @rnn_cell (default: fixtures, or else @)'
const pageHelp = 'a page, its address, or a module, whose engine runs in a browser'
const commandHelp =
  'a command that starts an engine in any language, which answers in frames, or computes one case from {in} to {out}'

function program(): Command {
  const torchParity = new Command('torch-parity')
    .description('Does a port compute what PyTorch computes? Replays recorded PyTorch runs and judges them.')
    .version(version())
    .exitOverride()
    .showHelpAfterError('(torch-parity --help shows what there is)')
    .addHelpText('after', '\nExit codes: 0 all match, 1 some mismatch, 2 could not judge, 130 or 143 interrupted.')

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
    .option('--tolerance <policy>', 'budget, torch, or rtol,atol', parseTolerance, { kind: 'budget' } as const)
    .option('--target <name>', targetHelp)
    .option('--no-equal-nan', 'let NaN match nothing')
    .option('--filter <text>', 'only cases whose file#id contains the text')
    .option('--fail-fast', 'stop at the first mismatch or error')
    .option('--json <file>', 'write the results as JSON')
    .option('--report <folder>', 'write index.html, a page to look at, and results.json')
    .option('--quiet', 'print only mismatches, errors and the summary')
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
      const { verifyFiles } = await import('./cli/verify.ts')
      const { timeout, failFast = false, quiet = false, ...rest } = flags
      process.exitCode = await verifyFiles(paths, { ...rest, failFast, quiet, timeoutMs: 1000 * timeout })
    })

  torchParity
    .command('ask')
    .description(
      'write what an engine is asked, without what it is to give, for `verify --answers` to judge the answers',
    )
    .argument('[path...]', fixturesHelp)
    .requiredOption('--out <folder>', 'where the requests go: a new or an empty folder')
    .addOption(
      new Option('--format <name>', 'a .msgpack for each fixture, or a .safetensors for each case and a list of them')
        .choices(['fixture', 'safetensors'])
        .default('safetensors'),
    )
    .option('--filter <text>', 'only cases whose file#id contains the text')
    .action(async (paths: string[], flags: AskFlags) => {
      const { ask } = await import('./cli/ask.ts')
      process.exitCode = await ask(paths, flags)
    })

  torchParity
    .command('inspect')
    .description('show what a fixture holds, without judging it')
    .argument('<file>', 'a fixture file')
    .option('--case <id>', 'one case, with its tensors')
    .action(async (file: string, flags: { case?: string }) => {
      const { inspect } = await import('./cli/inspect.ts')
      process.exitCode = await inspect(file, flags.case)
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
      const { explain } = await import('./cli/explain.ts')
      const { timeout, search, ...rest } = flags
      process.exitCode = await explain(file, { ...rest, timeoutMs: 1000 * timeout, searchMs: 1000 * search })
    })

  torchParity
    .command('map')
    .description('say what each tensor of a port’s weights is of a state_dict, by their numbers, and write a map of it')
    .argument('<state_dict>', 'a file of tensors by PyTorch’s names, or a fixture, whose case --case names')
    .argument('<weights>', 'the file that the port reads its weights from')
    .option('--case <id>', 'the case whose parameters are the state_dict, or how its id alone begins')
    .option('--out <file>', 'write the rules, as --map takes them')
    .option('--json <file>', 'write what was found as JSON')
    .action(async (stateDict: string, weights: string, flags: MapFlags) => {
      const { mapCommand } = await import('./cli/map.ts')
      process.exitCode = await mapCommand(stateDict, weights, flags)
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
      const { audit } = await import('./cli/audit.ts')
      process.exitCode = await audit(paths, { onlyApplicable: onlyApplicable ?? false, ...rest })
    })

  torchParity
    .command('report')
    .description('make other reports of what `verify --json` has written, of several files as one')
    .argument('<results...>', 'results as JSON')
    .option('--junit <file>', 'write JUnit XML')
    .option('--html <file>', 'write the page that `verify --report` writes')
    .option('--jsonl <file>', 'write JSON Lines: one case a line')
    .option('--json <file>', 'write the results again, those of several files as one')
    .option('--text <file>', 'write plain text, which is printed when nothing else is asked for')
    .option('--summary <file>', 'write a summary in Markdown')
    .option('--github', 'print annotations, and add the summary to $GITHUB_STEP_SUMMARY')
    .action(async (files: string[], flags: ReportFlags) => {
      const { report } = await import('./cli/report.ts')
      process.exitCode = await report(files, { ...flags, github: flags.github ?? false })
    })

  torchParity
    .command('generate')
    .description('record suites of fixtures with PyTorch')
    .option('--out <folder>', 'where the files go', 'fixtures')
    .option('--suite <name...>', 'only these suites, such as rnn/relu, or all of a folder, such as rnn')
    .option('--seed <number>', 'seed of the parameters and inputs', parseCount)
    .option('--count <number>', 'how many cases of a random suite', parseCount)
    .option(
      '--python <file>',
      'the Python interpreter (default: TORCH_PARITY_PYTHON, or the first of python3 and python)',
    )
    .option('--device <name>', 'where torch computes: cpu, cuda, cuda:N')
    .option('--tf32', 'let a GPU round to TF32 in products of float32')
    .option('--quiet', 'print only errors')
    .action(async (flags: GenerateFlags) => {
      const { generate } = await import('./cli/generate.ts')
      process.exitCode = await generate({ ...flags, suite: flags.suite ?? [], quiet: flags.quiet ?? false })
    })

  torchParity
    .command('fuzz')
    .description('ask PyTorch for random cases until an engine departs from one, and make that one small')
    .option('--engine <file>', engineHelp)
    .option('--engine-command <command>', commandHelp)
    .option('--engine-page <page>', pageHelp)
    .option('--target <name>', targetHelp)
    .option('--module <name...>', 'only these modules, such as LSTM GRUCell')
    .option('--runs <number>', 'how many cases (default: 1000, or no limit with --time)', parsePositive)
    .option('--time <duration>', 'how long: 60s, 5m, 2h', parseDuration)
    .option('--seed <number>', 'of what is drawn: the same seed draws the same cases', parseCount, 0)
    .option('--max-size <number>', 'the largest input_size, hidden_size and seq_len', parsePositive, 16)
    .option('--max-batch <number>', 'the largest batch; above 8 it is rare', parsePositive, 256)
    .option('--oracles <number>', 'how many Python processes record', parsePositive, 1)
    .option('--save [folder]', 'write what is found as a fixture (default folder: fixtures/regressions)')
    .option('--case <json>', 'judge this case alone, as a finding names it')
    .option(
      '--python <file>',
      'the Python interpreter (default: TORCH_PARITY_PYTHON, or the first of python3 and python)',
    )
    .option('--timeout <seconds>', 'how long an engine, or PyTorch, may take for one answer', parseSeconds, 60)
    .option('--shard <part>', 'make the I-th of N parts of the runs, with draws of its own', parsePart)
    .option('--json <file>', 'write what came of it, which `report` puts together')
    .option('--quiet', 'print what is found and the counts alone')
    .action(async ({ save, module, time, timeout, quiet, runs, ...flags }: FuzzFlags) => {
      const { fuzzCommand } = await import('./cli/fuzz.ts')
      process.exitCode = await fuzzCommand({
        ...flags,
        module: module ?? [],
        runs: runs ?? (time === undefined ? 1000 : Infinity),
        ...(time !== undefined && { timeMs: 1000 * time }),
        ...(save !== undefined && { save: save === true ? 'fixtures/regressions' : save }),
        timeoutMs: 1000 * timeout,
        quiet: quiet ?? false,
      })
    })

  torchParity
    .command('probe')
    .description(
      'learn by experiments when an engine is wrong: for which sizes, options, numbers, and after which calls',
    )
    .option('--engine <file>', engineHelp)
    .option('--engine-command <command>', commandHelp)
    .option('--engine-page <page>', pageHelp)
    .option('--module <name...>', 'only these layers and cells, such as LSTM GRUCell')
    .option('--around <file>', 'draw around a case of this fixture, which --case names')
    .option('--case <id>', 'the case, or how its id alone begins')
    .option('--experiments <number>', 'how many requests at most', parsePositive, 1500)
    .option('--time <duration>', 'how long at most: 60s, 5m', parseDuration, 60)
    .option('--seed <number>', 'of what is drawn', parseCount, 0)
    .option('--max-size <number>', 'the largest of each size', parsePositive, 520)
    .option('--save <folder>', 'write the smallest request that is wrong and the largest that is right as fixtures')
    .option('--json <file>', 'write every experiment as JSON')
    .option('--timeout <seconds>', 'how long the engine may take for one answer', parseSeconds, 60)
    .option('--quiet', 'show no progress')
    .action(async ({ module, time, timeout, quiet, ...flags }: ProbeFlags) => {
      const { probeCommand } = await import('./cli/probe.ts')
      const limits = { timeMs: 1000 * time, timeoutMs: 1000 * timeout }
      process.exitCode = await probeCommand({ ...flags, ...limits, module: module ?? [], quiet: quiet ?? false })
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
      const { matrix } = await import('./cli/matrix.ts')
      const limits = { timeoutMs: 1000 * timeout, quiet: quiet ?? false }
      process.exitCode = await matrix(paths, { ...flags, ...limits, engine: engine ?? [] })
    })

  torchParity
    .command('drift')
    .description('record fixtures again and compare: inputs byte for byte, outputs by their budget')
    .argument('[path...]', 'fixture files, folders or globs', ['fixtures'])
    .option('--update', 'replace the files that have drifted')
    .option(
      '--python <file>',
      'the Python interpreter (default: TORCH_PARITY_PYTHON, or the first of python3 and python)',
    )
    .option('--device <name>', 'where torch computes: cpu, cuda, cuda:N')
    .option('--tf32', 'let a GPU round to TF32 in products of float32')
    .action(async (paths: string[], { update, ...flags }: DriftFlags) => {
      const { drift } = await import('./cli/drift.ts')
      process.exitCode = await drift(paths, { ...flags, update: update ?? false })
    })

  torchParity
    .command('doctor')
    .description('say what there is to record with, and the command that mends what is missing')
    .option(
      '--python <file>',
      'the Python interpreter (default: TORCH_PARITY_PYTHON, or the first of python3 and python)',
    )
    .action(async (flags: { python?: string }) => {
      const { doctor } = await import('./cli/doctor.ts')
      process.exitCode = await doctor(flags)
    })

  return torchParity
}

/** The version of this package, two folders up from dist/. */
async function main(): Promise<void> {
  watchEnding()
  try {
    await program().parseAsync()
  } catch (error) {
    // Help and version are no failure; commander has printed what it had to say.
    const isHelp = error instanceof CommanderError && error.exitCode === 0
    process.exitCode = isHelp ? 0 : couldNotJudge
    if (!(error instanceof CommanderError)) printError(error)
  }
  await end()
}

await main()
