/** Tracepoints that name inodes, kept until all is known that joins them with files and requests: 88 bytes an event. */
import { NO_DEVICE, deviceText, type InodeBatch } from '@flushtrace/trace'
import { Column, Names } from './column.ts'

export class InodeLog {
  /** INODE_EVENT. */
  readonly kind = new Column(Uint8Array)
  /** Names id of what the event calls its file system: `7:0`, a btrfs UUID, `btrfs-43`. */
  readonly where = new Column(Int32Array)
  readonly event = new Column(Int32Array)
  readonly root = new Column(Float64Array)
  readonly inode = new Column(Float64Array)
  /** INODE_UNIT of position and span. */
  readonly unit = new Column(Uint8Array)
  readonly position = new Column(Float64Array)
  readonly span = new Column(Float64Array)
  readonly physicalUnit = new Column(Uint8Array)
  readonly physical = new Column(Float64Array)
  /** Bytes on the disk where they are fewer than `span` (compressed); NaN: as many. */
  readonly physicalBytes = new Column(Float64Array)
  readonly tid = new Column(Int32Array)
  readonly comm = new Column(Int32Array)
  /** On the clock of its trace. */
  readonly atNs = new Column(Float64Array)
  readonly record = new Column(Float64Array)
  readonly source = new Column(Int32Array)
  readonly trace = new Column(Uint8Array)
  readonly names = new Names()

  get length(): number {
    return this.kind.length
  }

  add(batch: InodeBatch, trace: number, source: number): void {
    const { strings } = batch
    const keep = (id: number): number => (id >= 0 ? this.names.id(strings.text(id)) : -1)
    for (let i = 0; i < batch.length; i++) {
      this.kind.push(batch.kind[i])
      const device = batch.device[i]
      this.where.push(device === NO_DEVICE ? keep(batch.where[i]) : this.names.id(deviceText(device) as string))
      this.event.push(keep(batch.event[i]))
      this.root.push(batch.root[i])
      this.inode.push(batch.inode[i])
      this.unit.push(batch.unit[i])
      this.position.push(batch.position[i])
      this.span.push(batch.span[i])
      this.physicalUnit.push(batch.physicalUnit[i])
      this.physical.push(batch.physical[i])
      this.physicalBytes.push(batch.physicalBytes[i])
      this.tid.push(batch.tid[i])
      this.comm.push(keep(batch.comm[i]))
      this.atNs.push(batch.atNs[i])
      this.record.push(batch.record[i])
      this.source.push(source)
      this.trace.push(trace)
    }
  }
}
