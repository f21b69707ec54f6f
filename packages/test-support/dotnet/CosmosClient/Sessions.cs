using System.Net;
using Microsoft.Azure.Cosmos;
using static Expectations;

/// <summary>Session tokens and consistency.</summary>
internal static class Sessions
{
    private static readonly PartitionKey P = new("p");

    public static async Task CheckAll(Run run, string connectionString, Database database)
    {
        Container sessions = await database.CreateContainerAsync(new ContainerProperties("sessions", "/pk"));

        await run.Check("session tokens", async () =>
        {
            var written = await sessions.CreateItemAsync(new Item { id = "1", pk = "p", n = 1 }, P);
            Expect(written.Headers.Session is { Length: > 0 }, "a session token");
            using var client = new CosmosClient(connectionString, Clients.Options());
            var other = client.GetContainer(database.Id, "sessions");
            var token = new ItemRequestOptions { SessionToken = written.Headers.Session };
            Expect((await other.ReadItemAsync<Item>("1", P, token)).Resource.n == 1, "one's own write, in another client of the session");
            var query = new QueryRequestOptions { SessionToken = written.Headers.Session, PartitionKey = P };
            Expect((await Clients.Query<Item>(other, "SELECT * FROM c", query)).Count == 1, "one's own write in a query");
            var later = await sessions.ReplaceItemAsync(new Item { id = "1", pk = "p", n = 2 }, "1", P);
            Expect(later.Headers.Session != written.Headers.Session, "a token that moves on with a write");
            using var stream = await other.ReadItemStreamAsync("1", P, new ItemRequestOptions { SessionToken = "not a token" });
            Expect(stream.StatusCode == HttpStatusCode.BadRequest, $"400 for what is no token, not {stream.StatusCode}");
        });

        await run.Check("weaker consistency", async () =>
        {
            foreach (var level in new[] { ConsistencyLevel.Eventual, ConsistencyLevel.ConsistentPrefix, ConsistencyLevel.Session })
            {
                var options = Clients.Options();
                options.ConsistencyLevel = level;
                using var client = new CosmosClient(connectionString, options);
                var container = client.GetContainer(database.Id, "sessions");
                await container.UpsertItemAsync(new Item { id = $"{level}", pk = "p" }, P);
                Expect((await container.ReadItemAsync<Item>($"{level}", P)).Resource.id == $"{level}", $"an item at {level}");
                Expect((await container.ReadItemAsync<Item>($"{level}", P, new ItemRequestOptions { ConsistencyLevel = ConsistencyLevel.Eventual })).StatusCode == HttpStatusCode.OK, "an item at the request's level");
            }
        });

        await run.Check("stronger consistency is refused", async () =>
        {
            var options = Clients.Options();
            options.ConsistencyLevel = ConsistencyLevel.Strong;
            using var client = new CosmosClient(connectionString, options);
            try
            {
                await client.GetContainer(database.Id, "sessions").ReadItemAsync<Item>("1", P);
            }
            catch (ArgumentException)
            {
                return;
            }
            Expect(false, "that the client refuses what the account does not have");
        });

        await run.Check("client that opens its connections first", async () =>
        {
            await sessions.UpsertItemAsync(new Item { id = "opened", pk = "p", n = 4 }, P);
            using var client = await CosmosClient.CreateAndInitializeAsync(connectionString, [(database.Id, "sessions")], Clients.Options());
            Expect((await client.GetContainer(database.Id, "sessions").ReadItemAsync<Item>("opened", P)).Resource.n == 4, "the item");
        });

        await run.Check("container that is recreated", async () =>
        {
            Container before = await database.CreateContainerAsync(new ContainerProperties("anew", "/pk"));
            await before.CreateItemAsync(new Item { id = "1", pk = "p", n = 1 }, P);
            Expect((await Clients.Query<Item>(before, "SELECT * FROM c")).Count == 1, "an item");
            using (var other = new CosmosClient(connectionString, Clients.Options()))
            {
                await other.GetContainer(database.Id, "anew").DeleteContainerAsync();
                await other.GetDatabase(database.Id).CreateContainerAsync(new ContainerProperties("anew", "/pk"));
            }
            // The client still has the rid of the deleted container.
            await Refused(HttpStatusCode.NotFound, () => before.ReadItemAsync<Item>("1", P));
            await before.CreateItemAsync(new Item { id = "2", pk = "p", n = 2 }, P);
            Same((await Clients.Query<Item>(before, "SELECT * FROM c")).Select(item => item.n), [2], "the items of the new one");
            using var feed = before.GetChangeFeedIterator<Item>(ChangeFeedStartFrom.Beginning(), ChangeFeedMode.LatestVersion);
            Same((await feed.ReadNextAsync()).Select(item => item.n), [2], "the changes of the new one");
        });

        await run.Check("wrong key", async () =>
        {
            var wrong = string.Join(';', connectionString.Split(';').Select(part => part.StartsWith("AccountKey=") ? $"AccountKey={Convert.ToBase64String(new byte[64])}" : part));
            using var client = new CosmosClient(wrong, Clients.Options());
            await Refused(HttpStatusCode.Unauthorized, () => client.GetContainer(database.Id, "sessions").ReadItemAsync<Item>("1", P));
        });
    }
}
