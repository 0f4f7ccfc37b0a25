/** WebAssembly that readers have beside them, as the text of `npm run wasm`. Node's types have none of it. */

/** As far as it is used. */
interface Api {
  readonly Memory: new (size: { initial: number }) => WasmMemory
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

export interface WasmMemory {
  readonly buffer: ArrayBuffer
}

/** Of this many bytes, rounded up to pages of 64 KiB. Throws where there is no WebAssembly, or no room. */
export function wasmMemory(bytes: number): WasmMemory {
  return new (api().Memory)({ initial: Math.ceil(bytes / (1 << 16)) })
}

/**
 * Starts the code (base64), with `memory` where it brings none of its own. What it exports: its source says that, and
 * `Exports` repeats it. Throws where there is no WebAssembly, none of what the code asks for, or no room.
 */
export function startWasm<Exports>(code: string, memory?: WasmMemory): Exports {
  const { Instance, Module } = api()
  return new Instance(new Module(Buffer.from(code, 'base64')), { env: { memory } }).exports as Exports
}

function api(): Api {
  return (globalThis as unknown as { WebAssembly: Api }).WebAssembly
}
