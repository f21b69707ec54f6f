using System.Net;
using Microsoft.Azure.Cosmos;
using static Expectations;

/// <summary>Transactional batches, and bulk.</summary>
internal static class Batches
{
    private static readonly PartitionKey P = new("p");

    public static async Task CheckAll(Run run, string connectionString, Database database)
    {
        Container batches = await database.CreateContainerAsync(new ContainerProperties("batches", "/pk"));

        await run.Check("transactional batch", async () =>
        {
            await batches.CreateItemAsync(new Item { id = "old", pk = "p", n = 1 }, P);
            using var batch = await batches.CreateTransactionalBatch(P)
                .CreateItem(new Item { id = "new", pk = "p", n = 1 })
                .ReadItem("old")
                .UpsertItem(new Item { id = "upserted", pk = "p" }, new TransactionalBatchItemRequestOptions { EnableContentResponseOnWrite = false })
                .ReplaceItem("old", new Item { id = "old", pk = "p", n = 2 })
                .PatchItem("new", [PatchOperation.Increment("/n", 9)], new TransactionalBatchPatchItemRequestOptions { FilterPredicate = "FROM c WHERE c.n = 1" })
                .DeleteItem("upserted")
                .ExecuteAsync();
            Same(batch.Select(result => (int)result.StatusCode), [201, 200, 201, 200, 200, 204], $"the statuses of a batch ({batch.ErrorMessage})");
            Expect(batch.IsSuccessStatusCode && batch.StatusCode == HttpStatusCode.OK && batch.RequestCharge > 0, $"a batch that succeeded, not {batch.StatusCode}");
            Expect(batch.GetOperationResultAtIndex<Item>(1).Resource.n == 1, "the item as it was before");
            Expect(batch.GetOperationResultAtIndex<Item>(4).Resource.n == 10, "the item that was patched");
            Expect(batch[2].ResourceStream is null && batch[2].ETag != null, "an etag without content");
            Expect((await batches.ReadItemAsync<Item>("old", P)).ETag == batch[3].ETag, "the etag of what replaced it");
            await Refused(HttpStatusCode.NotFound, () => batches.ReadItemAsync<Item>("upserted", P));
        });

        await run.Check("transactional batch that fails", async () =>
        {
            using var batch = await batches.CreateTransactionalBatch(P)
                .CreateItem(new Item { id = "undone", pk = "p" })
                .CreateItem(new Item { id = "old", pk = "p" })
                .DeleteItem("new")
                .ExecuteAsync();
            Same(batch.Select(result => (int)result.StatusCode), [424, 409, 424], $"the statuses of a batch that failed ({batch.ErrorMessage})");
            Expect(batch.StatusCode == HttpStatusCode.Conflict && !batch.IsSuccessStatusCode, $"the status of the operation that failed, not {batch.StatusCode}");
            await Refused(HttpStatusCode.NotFound, () => batches.ReadItemAsync<Item>("undone", P));
            await batches.ReadItemAsync<Item>("new", P);
            using var missing = await batches.CreateTransactionalBatch(P).CreateItem(new Item { id = "undone", pk = "p" }).ReadItem("absent").ExecuteAsync();
            Same(missing.Select(result => (int)result.StatusCode), [424, 404], "the statuses of a batch that reads what is absent");
            using var condition = await batches.CreateTransactionalBatch(P)
                .PatchItem("old", [PatchOperation.Set("/n", 0)], new TransactionalBatchPatchItemRequestOptions { FilterPredicate = "FROM c WHERE c.n = 1" })
                .ExecuteAsync();
            Expect(condition.StatusCode == HttpStatusCode.PreconditionFailed, $"412 for a condition, not {condition.StatusCode}");
            using var foreign = await batches.CreateTransactionalBatch(P).CreateItem(new Item { id = "f", pk = "another" }).ExecuteAsync();
            Expect(foreign.StatusCode == HttpStatusCode.BadRequest, $"400 for an item of another key, not {foreign.StatusCode}");
            var large = batches.CreateTransactionalBatch(P);
            for (var i = 0; i < 101; i++) large = large.ReadItem("old");
            using var many = await large.ExecuteAsync();
            Expect(many.StatusCode == HttpStatusCode.BadRequest, $"400 for 101 operations, not {many.StatusCode}");
        });

        await run.Check("etags within a batch", async () =>
        {
            var item = await batches.CreateItemAsync(new Item { id = "etag", pk = "p" }, P);
            var options = new TransactionalBatchItemRequestOptions { IfMatchEtag = item.ETag };
            using var first = await batches.CreateTransactionalBatch(P).ReplaceItem("etag", new Item { id = "etag", pk = "p", n = 1 }, options).ExecuteAsync();
            Expect(first.IsSuccessStatusCode, $"a batch whose etag matches, not {first.StatusCode}");
            foreach (var batch in new[]
            {
                batches.CreateTransactionalBatch(P).ReplaceItem("etag", new Item { id = "etag", pk = "p", n = 2 }, options),
                batches.CreateTransactionalBatch(P).UpsertItem(new Item { id = "etag", pk = "p", n = 2 }, options),
                batches.CreateTransactionalBatch(P).DeleteItem("etag", options),
                batches.CreateTransactionalBatch(P).PatchItem("etag", [PatchOperation.Set("/n", 2)], new TransactionalBatchPatchItemRequestOptions { IfMatchEtag = item.ETag }),
            })
            {
                using var refused = await batch.ExecuteAsync();
                Expect(refused.StatusCode == HttpStatusCode.PreconditionFailed, $"412 for an etag that is another, not {refused.StatusCode}");
            }
            Expect((await batches.ReadItemAsync<Item>("etag", P)).Resource.n == 1, "the item as the first batch left it");
        });

        await run.Check("bulk", async () =>
        {
            var options = Clients.Options();
            options.AllowBulkExecution = true;
            using var client = new CosmosClient(connectionString, options);
            Container bulk = await client.GetDatabase(database.Id).CreateContainerAsync(new ContainerProperties("bulk", "/pk"));
            var tasks = Enumerable.Range(0, 1000).Select(async i =>
            {
                // Every tenth item exists already: it has the id and the key of another one.
                var item = new Item { id = i % 10 == 9 ? $"{i - 1}" : $"{i}", pk = $"k{i % 100 / 2}", n = i };
                try
                {
                    var created = await bulk.CreateItemAsync(item, new PartitionKey(item.pk));
                    Expect(created.Resource.id == item.id && created.ETag != null && created.RequestCharge > 0, "the item that was created");
                    return created.StatusCode;
                }
                catch (CosmosException error)
                {
                    return error.StatusCode;
                }
            });
            var statuses = (await Task.WhenAll(tasks)).CountBy(status => (int)status).OrderBy(each => each.Key).Select(each => $"{each.Value} times {each.Key}");
            Same(statuses, ["900 times 201", "100 times 409"], "the statuses of 1,000 creates");
            Expect((await Clients.Query<int>(bulk, "SELECT VALUE COUNT(1) FROM c")).Sum() == 900, "900 items");
            var reads = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => bulk.ReadItemAsync<Item>($"{i * 10}", new PartitionKey($"k{i * 10 % 100 / 2}"))));
            Same(reads.Select(read => read.Resource.n), Enumerable.Range(0, 100).Select(i => i * 10), "items read in bulk");
            var etag = reads[0].ETag;
            var changes = await Task.WhenAll(
                Status(bulk.ReplaceItemAsync(new Item { id = "0", pk = "k0", n = -1 }, "0", new PartitionKey("k0"), new ItemRequestOptions { IfMatchEtag = "\"stale\"" })),
                Status(bulk.UpsertItemAsync(new Item { id = "10", pk = "k5", n = -1 }, new PartitionKey("k5"))),
                Status(bulk.DeleteItemAsync<Item>("20", new PartitionKey("k10"))),
                Status(bulk.DeleteItemAsync<Item>("absent", new PartitionKey("k10"))),
                Status(bulk.PatchItemAsync<Item>("30", new PartitionKey("k15"), [PatchOperation.Set("/n", -1)])),
                Status(bulk.ReadItemAsync<Item>("absent", new PartitionKey("k15"))),
                Status(bulk.CreateItemAsync(new Item { id = "mismatch", pk = "k15" }, new PartitionKey("k16"))));
            Same(changes, [412, 200, 204, 404, 200, 404, 400], "the statuses of other operations in bulk");
            Expect((await bulk.ReadItemAsync<Item>("0", new PartitionKey("k0"))).ETag == etag, "the item that was not replaced");
        });
    }

    private static async Task<int> Status<T>(Task<ItemResponse<T>> task)
    {
        try
        {
            return (int)(await task).StatusCode;
        }
        catch (CosmosException error)
        {
            return (int)error.StatusCode;
        }
    }
}
