// Connection strings for clients of the local cloud's parts. Each is built from the address of a part.

const BLOB_ACCOUNT = 'devstoreaccount1'

export function blobConnection(address: string, key: string): string {
  const endpoint = `http://${new URL(address).host}/${BLOB_ACCOUNT}`
  return `DefaultEndpointsProtocol=http;AccountName=${BLOB_ACCOUNT};AccountKey=${key};BlobEndpoint=${endpoint};`
}

export function eventHubsConnection(address: string, key: { readonly name: string; readonly value: string }): string {
  const shared = `SharedAccessKeyName=${key.name};SharedAccessKey=${key.value}`
  return `Endpoint=sb://localhost:${new URL(address).port};${shared};UseDevelopmentEmulator=true;`
}

export function cosmosConnection(address: string, key: string): string {
  return `AccountEndpoint=http://${new URL(address).host}/;AccountKey=${key};`
}
