import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { programOf, titleOf } from '../src/title.ts'

const titles = suite('titles of processes')

function of(name: string | null, command: string | null): [title: string, program: string | null] {
  const process = { pid: 7, name, command, threads: 1, parent: null }
  return [titleOf(process), programOf(process)]
}

titles('an interpreter has the name of what it runs', () => {
  assert.equal(of('python3', 'python3 -u /usr/sbin/samba_dnsupdate'), [
    'python3 samba_dnsupdate',
    'python3 samba_dnsupdate',
  ])
  assert.is(of('java', 'java -Xint -cp /srv/lib:/srv/x.jar --add-opens a/b=c kafka.Kafka x')[0], 'java kafka.Kafka')
  assert.is(of('node', 'node -r ./hook.js --trace-gc server.js')[0], 'node server.js')
  assert.is(of('python3', 'python3 -W ignore -m http.server')[0], 'python3 -m http.server')
  assert.equal(of('java', 'java -Xmx1g -jar /srv/app.jar'), ['java app.jar', 'java app.jar'])
})

titles('a path that strace -s cut is named by the kernel', () => {
  assert.is(of('python3', '/root/.pyenv/versions/3.11.7/bin… x.py')[0], 'python3 x.py')
  assert.is(of('smbd', '/usr/local/samba-4.19/sbin/… -D')[0], 'smbd')
  assert.is(of(null, '/usr/local/samba-4.19/sbin/… -D')[0], '…')
})

titles('nothing told', () => {
  assert.equal(of(null, null), ['unknown', null])
})

titles.run()
