// Checks of the Cosmos DB emulator with Microsoft's unmodified client for .NET. Each check prints its name if
// it holds, or why it does not. If one does not hold, the process ends with 1. Arguments: the connection
// string, the address of the control endpoint, and optionally words. With words, only checks whose names
// contain one are run.

using Microsoft.Azure.Cosmos;

var run = new Run(args[2..]);
using var client = new CosmosClient(args[0], Clients.Options());
var database = (await client.CreateDatabaseAsync($"dotnet-{Guid.NewGuid():N}")).Database;
await Resources.CheckAll(run, client, database);
await Items.CheckAll(run, database);
await Keys.CheckAll(run, database);
await Batches.CheckAll(run, args[0], database);
await Queries.CheckAll(run, database);
await ChangeFeeds.CheckAll(run, database);
await Processors.CheckAll(run, database);
await Splits.CheckAll(run, args[0], new Uri(args[1]), database);
await Sessions.CheckAll(run, args[0], database);
await database.DeleteAsync();
return run.Failures == 0 ? 0 : 1;
