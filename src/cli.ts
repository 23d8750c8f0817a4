#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8'
import { Command, CommanderError } from 'commander'
import { couldNotJudge, end, printError, watchEnding } from './cli/ending.ts'
import { addAsking } from './cli/commands/ask.ts'
import { examples } from './cli/commands/help.ts'
import { addJudging } from './cli/commands/judge.ts'
import { addRecording } from './cli/commands/record.ts'
import { sayOnStandardError } from './cli/terminal.ts'
import { version } from './cli/version.ts'

// What a case leaves behind dies young, and V8 would let it pile up: this keeps a file of any size within 150 MB.
setFlagsFromString('--semi-space-growth-factor=1')
// What outlives it is small as well: collecting what is left of it early costs no time that shows, and saves 20 MB.
setFlagsFromString('--heap-growing-percent=30')

function program(): Command {
  const torchParity = new Command('torch-parity')
    .description('Does a port compute what PyTorch computes? Replays recorded PyTorch runs and judges them.')
    .version(version())
    .exitOverride()
    .showHelpAfterError('(torch-parity --help shows what there is)')
    .addHelpText('after', '\nExit codes: 0 all match, 1 some mismatch, 2 could not judge, 130 or 143 interrupted.')

  torchParity.option('--no-config', 'do not read torch-parity.config.json, .js, .mjs or .ts of this folder')
  torchParity.hook('preAction', async (_, command) => {
    if (torchParity.opts()['config'] !== false) {
      const { configure } = await import('./cli/config.ts')
      const paths = await configure(command)
      // The list that the action is given.
      const [first] = command.processedArgs as [string[]?]
      if (Array.isArray(first) && first.length === 0) first.push(...paths)
    }
    // Standard output is then for whoever reads JSON.
    if (command.opts()['json'] === '-') sayOnStandardError()
  })
  addJudging(torchParity)
  addAsking(torchParity)
  addRecording(torchParity)
  for (const command of torchParity.commands) {
    command.showHelpAfterError(`(torch-parity ${command.name()} --help shows what there is)`)
    const own = examples[command.name()] ?? []
    if (own.length > 0) command.addHelpText('after', `\nExamples:\n${own.map((line) => `  ${line}\n`).join('')}`)
  }
  return torchParity
}

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
