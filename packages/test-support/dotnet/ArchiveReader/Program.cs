// Prints the items of an archive, and checks it: dotnet run -- <folder with the segments>
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

var output = Console.OpenStandardOutput();
var (number, previous) = (0, new string('0', 64));
foreach (var file in Directory.GetFiles(args[0], "*.ndjson.gz").Order(StringComparer.Ordinal))
{
    var lines = Lines(file);
    var header = JsonNode.Parse(lines[0])!.AsObject();
    var items = lines[1..];
    Check(header["number"]!.GetValue<int>() == ++number, "a segment is missing before this one");
    Check(header["previous"]!.GetValue<string>() == previous, "it does not follow the one before");
    Check(header["count"]!.GetValue<int>() == items.Length, "it has another number of items");
    Check(header["merkleRoot"]!.GetValue<string>() == Hex(Root(items)), "an item was changed");
    previous = header["root"]!.GetValue<string>();
    header.Remove("root");
    Check(previous == Hex(SHA256.HashData(Encoding.UTF8.GetBytes(Canonical(header)))), "its header was changed");
    foreach (var item in items) output.Write([.. item, (byte)'\n']);
    void Check(bool holds, string wrong) { if (!holds) throw new Exception($"{file}: {wrong}"); }
}

static byte[][] Lines(string file)
{
    using var gzip = new GZipStream(File.OpenRead(file), CompressionMode.Decompress);
    using var text = new StreamReader(gzip, new UTF8Encoding(false, true));
    return [.. text.ReadToEnd().Split('\n')[..^1].Select(Encoding.UTF8.GetBytes)];
}

// RFC 6962 section 2.1
static byte[] Root(ReadOnlySpan<byte[]> leaves)
{
    if (leaves.Length == 1) return SHA256.HashData([0, .. leaves[0]]);
    var half = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)leaves.Length) / 2;
    return SHA256.HashData([1, .. Root(leaves[..half]), .. Root(leaves[half..])]);
}

// RFC 8785, for an object of strings and whole numbers
static string Canonical(JsonObject header)
{
    var plain = new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    var fields = header.OrderBy(field => field.Key, StringComparer.Ordinal);
    return "{" + string.Join(",", fields.Select(field => $"\"{field.Key}\":{field.Value!.ToJsonString(plain)}")) + "}";
}

static string Hex(byte[] hash) => Convert.ToHexStringLower(hash);
