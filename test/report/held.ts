import type { Content } from '../../src/report/html/shown.ts'
import { unpacked } from '../../src/report/html/packed.ts'

/** What is packed in a page. */
export async function heldIn(html: string): Promise<Content> {
  const [, data = ''] = / id="data">([\w+/=]+)<\/script>/.exec(html) ?? []
  return (await unpacked(data)) as Content
}
