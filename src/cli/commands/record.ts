// Commands that start a Python that has torch.
import { type Command } from 'commander'
import { parseCount, parseDuration, parsePositive, parseSeconds } from '../arguments.ts'
import type { DriftFlags, FuzzFlags, GenerateFlags } from '../flags.ts'
import { rayOf } from '../ray.ts'
import { parsePart } from '../shard.ts'
import { engineHelp, targetHelp, pageHelp, commandHelp, rayHelp, runtimeEnvHelp } from './help.ts'

export function addRecording(torchParity: Command): void {
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
    .option('--ray <address>', rayHelp)
    .option('--oracles <number>', 'how many actors of Ray record (default: 1)', parsePositive)
    .option('--runtime-env <json>', runtimeEnvHelp)
    .option('--quiet', 'print only errors')
    .action(async ({ suite, quiet, ray, oracles, runtimeEnv, ...flags }: GenerateFlags) => {
      const { generate } = await import('../generate.ts')
      const actors = rayOf({ ray, oracles, runtimeEnv })
      process.exitCode = await generate({ ...flags, ray: actors, suite: suite ?? [], quiet: quiet ?? false })
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
    .option('--oracles <number>', 'how many Python processes, or actors of Ray, record', parsePositive, 1)
    .option('--ray <address>', rayHelp)
    .option('--runtime-env <json>', runtimeEnvHelp)
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
    .action(async ({ save, module, time, timeout, quiet, runs, ray, runtimeEnv, ...flags }: FuzzFlags) => {
      const { fuzzCommand } = await import('../fuzz.ts')
      process.exitCode = await fuzzCommand({
        ...flags,
        ray: rayOf({ ray, runtimeEnv, ...(ray !== undefined && { oracles: flags.oracles }) }),
        module: module ?? [],
        runs: runs ?? (time === undefined ? 1000 : Infinity),
        ...(time !== undefined && { timeMs: 1000 * time }),
        ...(save !== undefined && { save: save === true ? 'fixtures/regressions' : save }),
        timeoutMs: 1000 * timeout,
        quiet: quiet ?? false,
      })
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
    .option('--ray <address>', rayHelp)
    .option('--oracles <number>', 'how many actors of Ray record (default: 1)', parsePositive)
    .option('--runtime-env <json>', runtimeEnvHelp)
    .action(async (paths: string[], { update, ray, oracles, runtimeEnv, ...flags }: DriftFlags) => {
      const { drift } = await import('../drift.ts')
      const actors = rayOf({ ray, oracles, runtimeEnv })
      process.exitCode = await drift(paths, { ...flags, ray: actors, update: update ?? false })
    })

  torchParity
    .command('doctor')
    .description('say what there is to record with, and the command that mends what is missing')
    .option(
      '--python <file>',
      'the Python interpreter (default: TORCH_PARITY_PYTHON, or the first of python3 and python)',
    )
    .option('--json <file>', 'write the same as JSON; - is standard output')
    .action(async (flags: { python?: string; json?: string }) => {
      const { doctor } = await import('../doctor.ts')
      process.exitCode = await doctor(flags)
    })
}
