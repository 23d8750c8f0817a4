import { Worker } from 'node:worker_threads'

/** Where the host's pipe is, after the three that every process has. */
export const channelFd = 3

/** Ends this process, whatever it is in the middle of, when the one that started it is gone without having ended it. */
export function endWithParent(parent: number): void {
  const watch = `setInterval(() => { if (process.ppid !== ${parent}) process.kill(process.pid, 'SIGKILL') }, 1000)`
  new Worker(watch, { eval: true }).unref()
}
