import { ParityError } from '../format/errors.ts'
import { binaries } from './binaries.ts'

/** What the numbers are, in memory and in all arithmetic. */
export type Precision = 'float64' | 'float32'

/** A place in the memory of the kernels; 0 stands for what is not there. */
export type Address = number

/** What src/engine/kernels/index.ts exports. */
interface Kernels {
  readonly memory: WebAssembly.Memory
  mark(): Address
  giveBack(to: Address): void
  forward(scan: Address): void
  backward(scan: Address): void
}

const pageBytes = 2 ** 16
/** A run that has needed more leaves nothing behind. */
const keptBytes = 2 ** 27
/** Of 32-bit addresses, but for the last page. */
const mostBytes = 2 ** 32 - pageBytes
/** A call of `set` or `fill` costs more than so few numbers. */
const few = 32

/** The kernels of one precision and their memory, which is handed out from one end, and all given back when the next run begins. */
export class Machine {
  readonly itemSize: number
  /** The whole memory, as numbers and as 32-bit whole numbers; others after it has grown. */
  numbers: Float64Array | Float32Array
  integers: Int32Array
  readonly #kernels: Kernels
  readonly #start: Address
  #top: Address
  #byteLength: number

  constructor(precision: Precision) {
    const { exports } = new WebAssembly.Instance(moduleOf(precision))
    // They are made of src/engine/kernels in the same build.
    this.#kernels = exports as unknown as Kernels
    const { buffer } = this.#kernels.memory
    this.itemSize = precision === 'float64' ? 8 : 4
    this.numbers = precision === 'float64' ? new Float64Array(buffer) : new Float32Array(buffer)
    this.integers = new Int32Array(buffer)
    this.#byteLength = buffer.byteLength
    this.#start = this.#kernels.mark()
    this.#top = this.#start
  }

  get isLarge(): boolean {
    return this.#byteLength > keptBytes
  }

  begin(): void {
    this.#top = this.#start
  }

  /** Where a number stands in `numbers`. */
  placeOf(address: Address): number {
    return address / this.itemSize
  }

  /**
   * Room for so many numbers, whatever they are.
   * @throws ParityError CASE_UNSUPPORTED where there is none.
   */
  take(count: number): Address {
    const address = this.#top
    this.#top = this.#reach(address + count * this.itemSize)
    return address
  }

  /** Makes sure that the kernels can take so many numbers. */
  reserve(count: number): void {
    this.#reach(this.#top + count * this.itemSize)
  }

  /** → the end, as vectors like addresses. */
  #reach(end: Address): Address {
    if (end > this.#byteLength) this.#grow(end)
    return Math.ceil(end / 16) * 16
  }

  #grow(end: Address): void {
    const { memory } = this.#kernels
    // By half at least, so that growing by little costs little.
    const wanted = Math.min(Math.max(end + pageBytes, 1.5 * this.#byteLength), mostBytes)
    try {
      if (end > wanted) throw new RangeError(`${end} bytes are more than 32-bit addresses reach`)
      memory.grow(Math.ceil((wanted - this.#byteLength) / pageBytes))
    } catch (cause) {
      const sizes = `expected a case that fits the memory, got one of ${Math.ceil(end / 2 ** 20)} MiB`
      throw new ParityError('CASE_UNSUPPORTED', `torch-parity: ${sizes}`, { cause })
    }
    const { buffer } = memory
    this.numbers = this.itemSize === 8 ? new Float64Array(buffer) : new Float32Array(buffer)
    this.integers = new Int32Array(buffer)
    this.#byteLength = buffer.byteLength
  }

  put(data: ArrayLike<number>): Address {
    const address = this.take(data.length)
    const { numbers } = this
    const at = this.placeOf(address)
    if (data.length > few) numbers.set(data, at)
    else for (let i = 0; i < data.length; i++) numbers[at + i] = data[i]!
    return address
  }

  zeros(count: number): Address {
    const address = this.take(count)
    const { numbers } = this
    const at = this.placeOf(address)
    if (count > few) numbers.fill(0, at, at + count)
    else for (let i = 0; i < count; i++) numbers[at + i] = 0
    return address
  }

  /** Copies numbers out. */
  get(address: Address, out: Float64Array | Float32Array): void {
    const { numbers } = this
    const at = this.placeOf(address)
    const count = out.length
    if (count > few) out.set(numbers.subarray(at, at + count))
    else for (let i = 0; i < count; i++) out[i] = numbers[at + i]!
  }

  /** Room for so many 32-bit whole numbers. */
  takeIntegers(count: number): Address {
    return this.take((4 * count) / this.itemSize)
  }

  /** What the kernels take is theirs until the next run. */
  forward(scan: Address): void {
    this.#kernels.giveBack(this.#top)
    this.#kernels.forward(scan)
    this.#top = this.#kernels.mark()
  }

  backward(scan: Address): void {
    this.#kernels.giveBack(this.#top)
    this.#kernels.backward(scan)
  }
}

const modules = new Map<Precision, WebAssembly.Module>()
const machines = new Map<Precision, Machine>()

/** Compiled when it is first asked for: whoever runs nothing pays nothing. */
function moduleOf(precision: Precision): WebAssembly.Module {
  const known = modules.get(precision)
  if (known !== undefined) return known
  const fused = bytesOf(binaries[precision === 'float64' ? 'fusedFloat64' : 'fusedFloat32'])
  // Engines that do not know the instruction take the other.
  const compiled = new WebAssembly.Module(WebAssembly.validate(fused) ? fused : bytesOf(binaries[precision]))
  modules.set(precision, compiled)
  return compiled
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}

/** Calls `use` with a machine whose memory is free. What it returns must not be of that memory. */
export function onMachine<T>(precision: Precision, use: (machine: Machine) => T): T {
  const machine = machines.get(precision) ?? new Machine(precision)
  machines.set(precision, machine)
  machine.begin()
  try {
    return use(machine)
  } finally {
    if (machine.isLarge) machines.delete(precision)
  }
}
