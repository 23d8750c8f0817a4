// Commands that look at what is asked, and ask an engine more.
import { type Command, Option } from 'commander'
import { parseCount, parseDuration, parsePositive, parseSeconds } from '../arguments.ts'
import type { AskFlags, MapFlags, ProbeFlags } from '../flags.ts'
import { collected, commandHelp, engineHelp, filterHelp, fixturesHelp, pageHelp } from './help.ts'

export function addAsking(torchParity: Command): void {
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
    .option('--filter <text>', filterHelp, collected)
    .action(async (paths: string[], flags: AskFlags) => {
      const { ask } = await import('../ask.ts')
      process.exitCode = await ask(paths, { ...flags, filter: flags.filter ?? [] })
    })

  torchParity
    .command('inspect')
    .description('show what fixtures hold, without judging them')
    .argument('<path...>', 'fixture files, folders, globs, or @names')
    .option('--case <id>', 'one case with its tensors, or how its id alone begins')
    .option('--json <file>', 'write the same as JSON, but for numbers; - is standard output')
    .action(async (paths: string[], flags: { case?: string; json?: string }) => {
      const { inspect } = await import('../inspect.ts')
      process.exitCode = await inspect(paths, flags)
    })

  torchParity
    .command('init')
    .description('write an engine to begin with, a test of it, and a workflow; nothing that is there is replaced')
    .option('--runner <name>', 'what runs the test: vitest, jest or node', 'vitest')
    .action(async (flags: { runner: string }) => {
      const { init } = await import('../init.ts')
      process.exitCode = await init(flags.runner)
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
      const { mapCommand } = await import('../map.ts')
      process.exitCode = await mapCommand(stateDict, weights, flags)
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
      const { probeCommand } = await import('../probe.ts')
      const limits = { timeMs: 1000 * time, timeoutMs: 1000 * timeout }
      process.exitCode = await probeCommand({ ...flags, ...limits, module: module ?? [], quiet: quiet ?? false })
    })
}
