using System.Net;
using Microsoft.Azure.Cosmos;
using static Expectations;

/// <summary>Partition keys of all kinds, hierarchical ones, and many items by their keys.</summary>
internal static class Keys
{
    private sealed record Visit(string id, string tenant, string user, int session);

    public static async Task CheckAll(Run run, Database database)
    {
        await run.Check("partition keys of all kinds", async () =>
        {
            Container kinds = await database.CreateContainerAsync(new ContainerProperties("kinds", "/pk"));
            var keys = new (object Item, PartitionKey Key)[]
            {
                (new { id = "1", pk = "text" }, new PartitionKey("text")),
                (new { id = "1", pk = "1" }, new PartitionKey("1")),
                (new { id = "1", pk = 1 }, new PartitionKey(1)),
                (new { id = "1", pk = -1.5e300 }, new PartitionKey(-1.5e300)),
                (new { id = "1", pk = true }, new PartitionKey(true)),
                (new { id = "1", pk = false }, new PartitionKey(false)),
                (new { id = "1", pk = (string?)null }, PartitionKey.Null),
                (new { id = "1" }, PartitionKey.None),
                (new { id = "1", pk = "ü😀" }, new PartitionKey("ü😀")),
                (new { id = "1", pk = new string('k', 2048) }, new PartitionKey(new string('k', 2048))),
            };
            foreach (var (item, key) in keys)
            {
                Expect((await kinds.CreateItemAsync(item, key)).StatusCode == HttpStatusCode.Created, $"an item of {key}");
                Expect((await kinds.ReadItemAsync<object>("1", key)).StatusCode == HttpStatusCode.OK, $"the item of {key}");
                var found = await Clients.Query<object>(kinds, "SELECT * FROM c", new QueryRequestOptions { PartitionKey = key });
                Expect(found.Count == 1, $"one item of {key}, not {found.Count}");
            }
            Expect((await Clients.Query<object>(kinds, "SELECT * FROM c")).Count == keys.Length, "all items");
            await Refused(HttpStatusCode.BadRequest, () => kinds.CreateItemAsync(new { id = "1", pk = new string('k', 2049) }, new PartitionKey(new string('k', 2049))));
        });

        await run.Check("hierarchical partition keys", async () =>
        {
            Container visits = await database.CreateContainerAsync(new ContainerProperties("visits", ["/tenant", "/user", "/session"]));
            for (var i = 0; i < 24; i++)
            {
                var visit = new Visit($"{i}", $"t{i % 2}", $"u{i % 4}", i % 8);
                await visits.CreateItemAsync(visit, Whole(visit));
            }
            var one = new Visit("5", "t1", "u1", 5);
            Expect((await visits.ReadItemAsync<Visit>("5", Whole(one))).Resource == one, "the item of a whole key");
            async Task<IEnumerable<string>> Under(PartitionKey key) =>
                (await Clients.Query<Visit>(visits, "SELECT * FROM c ORDER BY c.id", new QueryRequestOptions { PartitionKey = key })).Select(visit => visit.id);
            Same(await Under(Whole(one)), ["13", "21", "5"], "the items of a whole key");
            Same(await Under(new PartitionKeyBuilder().Add("t1").Add("u1").Build()), ["1", "13", "17", "21", "5", "9"], "the items of two levels");
            Expect((await Under(new PartitionKeyBuilder().Add("t1").Build())).Count() == 12, "12 items of one level");
            Expect(!(await Under(new PartitionKeyBuilder().Add("t").Build())).Any(), "nothing of a tenant whose name begins so");
            Expect((await Clients.Query<int>(visits, "SELECT VALUE COUNT(1) FROM c", new QueryRequestOptions { PartitionKey = new PartitionKeyBuilder().Add("t0").Build() })).Sum() == 12, "a count of one level");
            Expect((await Clients.Query<Visit>(visits, "SELECT * FROM c WHERE c.tenant = 't0' AND c.user = 'u2'")).Count == 6, "the items that a filter names");
            var paged = new QueryRequestOptions { PartitionKey = new PartitionKeyBuilder().Add("t1").Build(), MaxItemCount = 5 };
            Same((await Clients.Query<Visit>(visits, "SELECT * FROM c", paged)).Select(visit => visit.id).Order(), Enumerable.Range(0, 12).Select(i => $"{2 * i + 1}").Order(), "the items of one level in pages");
            using var feed = visits.GetChangeFeedIterator<Visit>(ChangeFeedStartFrom.Beginning(FeedRange.FromPartitionKey(new PartitionKeyBuilder().Add("t0").Add("u2").Build())), ChangeFeedMode.LatestVersion);
            Same((await feed.ReadNextAsync()).Select(visit => visit.id), ["2", "6", "10", "14", "18", "22"], "the changes of two levels");
            await Refused(HttpStatusCode.BadRequest, () => visits.ReadItemAsync<Visit>("5", new PartitionKeyBuilder().Add("t1").Build()));
            await visits.ReplaceItemAsync(one, "5", Whole(one));
            await visits.PatchItemAsync<object>("5", Whole(one), [PatchOperation.Set("/seen", true)]);
            var batch = await visits.CreateTransactionalBatch(Whole(one)).CreateItem(new Visit("b1", "t1", "u1", 5)).DeleteItem("5").ExecuteAsync();
            Expect(batch.IsSuccessStatusCode, $"a batch of a whole key, not {batch.StatusCode} {batch.ErrorMessage}");
            Same(await Under(Whole(one)), ["13", "21", "b1"], "the items after the batch");
            var many = await visits.ReadManyItemsAsync<Visit>([("b1", Whole(one)), ("0", Whole(new Visit("0", "t0", "u0", 0))), ("5", Whole(one))]);
            Same(many.Select(visit => visit.id).Order(), ["0", "b1"], "many items");
            var partly = new PartitionKeyBuilder().Add("t9").AddNullValue().AddNoneType().Build();
            await visits.CreateItemAsync(new { id = "p", tenant = "t9", user = (string?)null }, partly);
            Expect((await visits.ReadItemAsync<object>("p", partly)).StatusCode == HttpStatusCode.OK, "an item whose key is null, and missing, in part");
        });

        await run.Check("many items", async () =>
        {
            Container many = await database.CreateContainerAsync(new ContainerProperties("many", "/pk"));
            for (var i = 0; i < 60; i++) await many.CreateItemAsync(new Item { id = $"{i}", pk = $"k{i % 7}", n = i }, new PartitionKey($"k{i % 7}"));
            var wanted = Enumerable.Range(0, 40).Select(i => ($"{i}", new PartitionKey($"k{i % 7}"))).Append(("absent", new PartitionKey("k0"))).ToList();
            var read = await many.ReadManyItemsAsync<Item>(wanted);
            Same(read.Select(item => item.n).Order(), Enumerable.Range(0, 40), "the items that there are");
            // If the id is the key, the client sends another query.
            Container self = await database.CreateContainerAsync(new ContainerProperties("self", "/id"));
            for (var i = 0; i < 10; i++) await self.CreateItemAsync(new Item { id = $"{i}", n = i }, new PartitionKey($"{i}"));
            var own = await self.ReadManyItemsAsync<Item>([.. Enumerable.Range(5, 5).Select(i => ($"{i}", new PartitionKey($"{i}")))]);
            Same(own.Select(item => item.n).Order(), Enumerable.Range(5, 5), "items whose id is their key");
        });
    }

    private static PartitionKey Whole(Visit visit) => new PartitionKeyBuilder().Add(visit.tenant).Add(visit.user).Add(visit.session).Build();
}
