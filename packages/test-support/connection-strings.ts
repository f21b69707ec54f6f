/** Valid connections that lead nowhere. */
export const connectionStrings = {
  CosmosConnection: 'AccountEndpoint=https://127.0.0.1:1/;AccountKey=a2V5;',
  EventHubConnection:
    'Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=all;SharedAccessKey=key;UseDevelopmentEmulator=true;',
  ArchiveStorage:
    'DefaultEndpointsProtocol=https;AccountName=none;AccountKey=a2V5;BlobEndpoint=https://127.0.0.1:1/none;',
  PersonalKeys: '/nowhere/personal-keys',
} as const
