import { ParityError } from '../errors.ts'
import { binaries } from './binaries.ts'

/** What the numbers are, in memory and in all arithmetic. */
export type Precision = 'float64' | 'float32'

/** An address in the memory of the kernels; 0 stands for what is not there. */
export type Address = number

/** What src/engine/kernels/index.ts exports. */
interface Kernels {
  readonly memory: WebAssembly.Memory
  take(count: number): Address
  mark(): Address
  giveBack(to: Address): void
  forward(scan: Address): void
  backward(scan: Address): void
}

/** A run that has needed more leaves nothing behind. */
const keptBytes = 2 ** 26
/** Of 32-bit addresses, but for the last page. */
const mostBytes = 2 ** 32 - 2 ** 16

/** The kernels of one precision and their memory, which is handed out from one end, and given back when the next run begins. */
export class Machine {
  readonly itemSize: number
  readonly #kernels: Kernels
  readonly #start: Address
  #numbers: Float64Array | Float32Array
  #integers: Int32Array

  constructor(precision: Precision) {
    const { exports } = new WebAssembly.Instance(moduleOf(precision))
    // They are made of src/engine/kernels in the same build.
    this.#kernels = exports as unknown as Kernels
    this.#start = this.#kernels.mark()
    this.itemSize = precision === 'float64' ? 8 : 4
    this.#numbers = this.#view()
    this.#integers = new Int32Array(this.#kernels.memory.buffer)
  }

  #view(): Float64Array | Float32Array {
    const { buffer } = this.#kernels.memory
    return this.itemSize === 8 ? new Float64Array(buffer) : new Float32Array(buffer)
  }

  /** The whole memory; its buffer is another after it has grown. */
  get numbers(): Float64Array | Float32Array {
    if (this.#numbers.length === 0) {
      this.#numbers = this.#view()
      this.#integers = new Int32Array(this.#kernels.memory.buffer)
    }
    return this.#numbers
  }

  get integers(): Int32Array {
    return this.#integers.length === 0 ? (this.numbers, this.#integers) : this.#integers
  }

  get byteLength(): number {
    return this.#kernels.memory.buffer.byteLength
  }

  begin(): void {
    this.#kernels.giveBack(this.#start)
  }

  /** Where a number stands in `numbers`. */
  readonly placeOf = (address: Address): number => address / this.itemSize

  /** Room for so many numbers, whatever they are. */
  take(count: number): Address {
    this.mayTake(count)
    return this.#guarded(() => this.#kernels.take(count))
  }

  /** @throws ParityError CASE_UNSUPPORTED where there are not so many addresses left. */
  mayTake(count: number): void {
    if (this.#kernels.mark() + count * this.itemSize <= mostBytes) return
    const needed = Math.ceil((count * this.itemSize) / 2 ** 20)
    throw new ParityError(
      'CASE_UNSUPPORTED',
      `torch-parity: expected a case that fits 4 GiB, got one of ${needed} MiB more`,
    )
  }

  put(data: ArrayLike<number>): Address {
    const address = this.take(data.length)
    const { numbers } = this
    const at = this.placeOf(address)
    // A call of `set` costs more than a few numbers.
    if (data.length > 64) numbers.set(data, at)
    else for (let i = 0; i < data.length; i++) numbers[at + i] = data[i]!
    return address
  }

  zeros(count: number): Address {
    const address = this.take(count)
    const at = this.placeOf(address)
    this.numbers.fill(0, at, at + count)
    return address
  }

  /** Room for so many 32-bit whole numbers. */
  putIntegers(data: ArrayLike<number>): Address {
    const address = this.take(Math.ceil((data.length * 4) / this.itemSize))
    this.integers.set(data, address / 4)
    return address
  }

  forward(scan: Address): void {
    this.#guarded(() => this.#kernels.forward(scan))
  }

  backward(scan: Address): void {
    this.#guarded(() => this.#kernels.backward(scan))
  }

  #guarded<T>(call: () => T): T {
    try {
      return call()
    } catch (cause) {
      // The one thing that stops the kernels is memory that cannot grow.
      const message = `torch-parity: expected more memory than ${this.byteLength / 2 ** 20} MiB, got none`
      throw new ParityError('CASE_UNSUPPORTED', message, { cause })
    }
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
  try {
    machine.begin()
    return use(machine)
  } finally {
    if (machine.byteLength > keptBytes) machines.delete(precision)
  }
}
