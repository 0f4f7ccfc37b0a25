/**
 * Descriptors under way from one process to another (SCM_RIGHTS): a message is there from the entry of sendmsg on, because
 * its receiver may end first. What a socketpair's end is sent waits in the inbox of the other end; what goes through a socket
 * whose other end is not known waits here, and its receiver is told by what the messages hold.
 * Source of the rules: man pages unix(7), cmsg(3), recvmsg(2).
 */
import type { Extra, FdRef } from '@flushtrace/trace'
import { agrees } from './decorations.ts'
import type { Description, SentDescriptors } from './descriptors.ts'

const MAX_MESSAGES = 1024

export class Transit {
  /** Oldest first. */
  readonly #messages: SentDescriptors[] = []

  send(socket: Description | null, sent: SentDescriptors['sent']): SentDescriptors {
    const queue = socket?.peer ? (socket.peer.inbox ??= []) : this.#messages
    const message = { queue, sent, socket }
    queue.push(message)
    // A message that nobody in the trace receives must not stay for ever.
    if (queue.length > MAX_MESSAGES) queue.shift()
    return message
  }

  /**
   * The one message that can be meant: of so many descriptors, and of these names where the trace says them; the first
   * of several only where all came through one socket, which keeps their order.
   */
  find(refs: readonly FdRef[], stays: boolean): SentDescriptors['sent'] | null {
    const [first, ...others] = this.#messages.filter(({ sent }) => fits(sent, refs))
    if (!first) return null
    const named = refs.every(({ name }) => name !== null)
    if (!named && others.some(({ socket }) => socket === null || socket !== first.socket)) return null
    if (!stays) takeBack(first)
    return first.sent
  }
}

/** The message goes out of its queue, if it is still there: sendmsg failed, or another socket got it. */
export function takeBack(message: SentDescriptors): void {
  const at = message.queue.indexOf(message)
  if (at >= 0) message.queue.splice(at, 1)
}

/** Oldest first; one that the receiver had no room for was dropped by the kernel. */
export function takeMessage(inbox: SentDescriptors[], count: number, stays: boolean): SentDescriptors['sent'] | null {
  const at = inbox.findIndex(({ sent }) => sent.length === count)
  if (at < 0) return null
  const { sent } = inbox[at]
  if (!stays) inbox.splice(0, at + 1)
  return sent
}

/** What each message of sendmmsg or recvmmsg carries; of sendmsg and recvmsg there is one. */
export function messagesOf({ fds, messages = [0] }: Extract<Extra, { kind: 'fds' }>): (readonly FdRef[])[] {
  return messages.map((from, k) => fds.slice(from, messages[k + 1]))
}

function fits(message: SentDescriptors['sent'], refs: readonly FdRef[]): boolean {
  return (
    message.length === refs.length &&
    refs.every(({ name }, k) => {
      const sent = message[k]
      return !name || (sent !== null && agrees(sent, name))
    })
  )
}
