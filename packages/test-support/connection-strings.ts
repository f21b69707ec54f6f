/** Connection strings that could be: nothing is reached by them. */
export const connectionStrings = {
  CosmosConnection: 'AccountEndpoint=https://127.0.0.1:1/;AccountKey=a2V5;',
  EventHubConnection:
    'Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=all;SharedAccessKey=key;UseDevelopmentEmulator=true;',
} as const
