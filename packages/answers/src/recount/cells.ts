/** What is counted twice: by task and call, or by device and kind of request. */
export interface Cell {
  readonly task: string
  readonly what: string
  /** Between these the count must lie; they differ where a source lost events. */
  least: number
  most: number
}

export type Cells = Map<string, Cell>

/** The count of what a task (or a device) did; 0 when it is asked for first. */
export function cellOf(cells: Cells, task: string, what: string): Cell {
  const key = `${task} ${what}`
  let cell = cells.get(key)
  if (!cell) cells.set(key, (cell = { task, what, least: 0, most: 0 }))
  return cell
}
