import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { VAULT_HOST, VaultStandIn } from '../../packages/tidemark/test/support/vault-stand-in.ts'

const CLIENT_ID = '0b5c8f6e-6f0a-4c39-9f0e-0d4a7c1a2b3c'
const HEADER = 'a header that only the app knows'

/**
 * A key vault with what surrounds it in Azure: TLS, its name, and a managed identity. The unmodified SDKs reach it
 * through a proxy. https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
 */
export class VaultNetwork {
  readonly vault: VaultStandIn
  readonly #servers: readonly Server[]
  readonly #folder: string
  readonly settings: Readonly<Record<string, string>>

  /** @param folder has its certificate, as a process that trusts it reads it. */
  private constructor(vault: VaultStandIn, servers: readonly Server[], folder: string) {
    this.vault = vault
    this.#servers = servers
    this.#folder = folder
    const [identity, proxy] = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    this.settings = {
      PersonalKeys: '',
      PersonalKeys__vaultUri: vault.uri,
      PersonalKeys__clientId: CLIENT_ID,
      IDENTITY_ENDPOINT: `${identity}/token`,
      IDENTITY_HEADER: HEADER,
      HTTPS_PROXY: proxy ?? '',
      NO_PROXY: '127.0.0.1,localhost',
      NODE_EXTRA_CA_CERTS: locateCertificate(folder),
    }
  }

  static async start(): Promise<VaultNetwork> {
    // Made for this run. The private key is in this process only.
    const { cert, private: key } = await generate([{ name: 'commonName', value: VAULT_HOST }], {
      keyType: 'ec',
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'subjectAltName', altNames: [{ type: 2, value: VAULT_HOST }] },
      ],
    })
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-vault-'))
    await writeFile(locateCertificate(folder), cert)
    const vault = await VaultStandIn.start({ cert, key })
    const servers = [identityOf(vault), proxyTo(vault)]
    for (const server of servers) {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
    }
    return new VaultNetwork(vault, servers, folder)
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections()
      server.close()
    }
    await this.vault.stop()
    await rm(this.#folder, { recursive: true })
  }
}

const locateCertificate = (folder: string): string => join(folder, 'certificate.pem')

/** Gives tokens to the app, for its own identity and for vaults. */
function identityOf(vault: VaultStandIn): Server {
  return createServer(({ url = '', headers }, response) => {
    const { searchParams } = new URL(url, 'http://identity')
    const isAllowed =
      headers['x-identity-header'] === HEADER &&
      searchParams.get('resource') === 'https://vault.azure.net' &&
      searchParams.get('client_id') === CLIENT_ID
    response.writeHead(isAllowed ? 200 : 400, { 'content-type': 'application/json' })
    const expires = String(Math.floor(Date.now() / 1000) + 3600)
    const answer = { access_token: vault.issueToken(), expires_on: expires, token_type: 'Bearer' }
    response.end(
      JSON.stringify(isAllowed ? { ...answer, resource: 'https://vault.azure.net', client_id: CLIENT_ID } : {}),
    )
  })
}

/** Connects to the vault, and to nothing else. */
function proxyTo(vault: VaultStandIn): Server {
  return createServer().on('connect', ({ url }, socket) => {
    if (url !== `${new URL(vault.uri).host}:443`) {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      return
    }
    const upstream = connect(vault.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.pipe(socket).pipe(upstream)
    })
    for (const each of [socket, upstream]) each.on('error', () => each.destroy())
  })
}
