/**
 * The container of a task, from its control groups:
 *
 *     cpuset=/docker/3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e\0cpu=/docker/3ad7…
 *     memory=/kubepods.slice/…/cri-containerd-8a57c4b3…0f.scope       /system.slice/docker-25c8…1b.scope
 *     /machine.slice/libpod-9d1c…77.scope        /kubepods/burstable/pod5d4…/crio-77b1…
 *
 * sysdig shortens ids to 12 digits, so do we. Groups of other runtimes (lxc, systemd-nspawn) have names of their own and
 * are not told apart from services.
 */
const ID = /(?:^|[/\-:])([0-9a-f]{64})(?:\.scope)?(?=[/\0]|$)/

const SHORT = 12

/** null: on the host, or not told. */
export function containerOf(cgroups: string): string | null {
  const match = ID.exec(cgroups)
  return match ? match[1].slice(0, SHORT) : null
}

/** `container` null: the task is in none. */
export function setContainer(containers: Map<number, string>, tid: number, container: string | null): void {
  if (container === null) containers.delete(tid)
  else containers.set(tid, container)
}

/** A new task is where its parent is. */
export function inherit(containers: Map<number, string>, tid: number, parent: number): void {
  setContainer(containers, tid, containers.get(parent) ?? null)
}
