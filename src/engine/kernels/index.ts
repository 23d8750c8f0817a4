// What is compiled: all that src/engine calls.
export { activate } from './activation'
export { backward } from './backward'
export { forward } from './forward'
export { giveBack, mark } from './memory'
