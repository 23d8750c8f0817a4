/** Kills a process that leads its process group, and all of the group. */
export function killProcessGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    // Windows has no process groups; there the process itself is all there is.
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}
