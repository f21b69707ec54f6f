// Checks of a Cosmos DB endpoint with Microsoft's client for .NET, unmodified. Each prints its name when it holds, or why it does not; one that
// does not makes the process end with 1. Arguments: the connection string, the address of the control endpoint, and optionally words: only checks whose
// names have one of them are run.

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
