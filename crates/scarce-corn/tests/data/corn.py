"""Makes `corn.safetensors`: one training step of each method by an independent computation in PyTorch, in double, with weights and
crops that both sides make by a formula, dropout off, and everything chosen or drawn that can be, so that chance has no part.
Beside this file: `python corn.py`, with torch 2.11 and safetensors.
"""

import math
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
LABELLED, SHAPE, CLASSES, FILTERS = 2, (4, 1, 32, 16, 16), 3, 4
CONVOLUTIONS = (1, 2, 3, 3, 3)
# The ramp of iteration 900, counted from 1.
RAMP = math.exp(-5 * (1 - 6 / 40) ** 2)


def wave(count, pace, phase):
    return torch.sin(pace * torch.arange(count, dtype=torch.float64) + phase)


def variable(name, *shape):
    values = wave(math.prod(shape), 1.3, sum(name.encode()) % 101).view(shape)
    if len(shape) > 1:
        return values * (2 * shape[0] / math.prod(shape)) ** 0.5
    return 1 + 0.2 * values if name.endswith("weight") else 0.1 * values


class Variables(dict):
    """Parameters and running statistics by name, made when they are first asked for."""

    def parameter(self, name, *shape):
        if name not in self:
            self[name] = variable(name, *shape).requires_grad_()
        return self[name]

    def running(self, name, value, width):
        return self.setdefault(name, torch.full((width,), value))


class Network:
    def __init__(self, name, variables, up, train=True, encoder=None, attention=False):
        self.name, self.variables, self.up, self.train, self.encoder = name, variables, up, train, encoder or name
        self.attention = attention

    def norm(self, x, name):
        width = x.shape[1]
        scale, shift = (self.variables.parameter(f"{name}.{part}", width) for part in ("weight", "bias"))
        mean, var = (self.variables.running(f"{name}.running_{part}", v, width) for part, v in (("mean", 0.0), ("var", 1.0)))
        return F.batch_norm(x, mean, var, scale, shift, self.train, 0.1, 1e-5)

    def unit(self, x, name, width, kernel=3, stride=1, transposed=False):
        shape = (x.shape[1], width) if transposed else (width, x.shape[1])
        weight = self.variables.parameter(f"{name}.conv.weight", *shape, kernel, kernel, kernel)
        bias = self.variables.parameter(f"{name}.conv.bias", width)
        if transposed:
            x = F.conv_transpose3d(x, weight, bias, stride=2)
        else:
            x = F.conv3d(x, weight, bias, stride=stride, padding=kernel // 2 if stride == 1 else 0)
        return torch.relu(self.norm(x, f"{name}.bn"))

    def encode(self, x):
        maps = []
        for level, count in enumerate(CONVOLUTIONS):
            name = f"{self.encoder}.encoder.{level}"
            if level:
                x = self.unit(x, f"{name}.down", FILTERS << level, 2, 2)
            for k in range(count):
                x = self.unit(x, f"{name}.block.{k}", FILTERS << level)
            if level == 3 and self.attention:
                x = self.attend(x)
            maps.append(x)
        return maps

    def attend(self, x):
        """The cells of each sample, then the samples at each cell; PyTorch's layers take the sequence's axis first."""
        cells = x.flatten(2).permute(2, 0, 1)
        cells = self.transformer(cells, "intra")
        samples = self.transformer(cells.transpose(0, 1), "inter")
        return samples.permute(0, 2, 1).reshape(x.shape)

    def transformer(self, x, name):
        layer = torch.nn.TransformerEncoderLayer(x.shape[2], 4, 4 * x.shape[2], dropout=0)
        name = f"{self.name}.attention.{name}"
        parameters = {part: self.variables.parameter(f"{name}.{part}", *p.shape) for part, p in layer.named_parameters()}
        return torch.func.functional_call(layer, parameters, x)

    def decode(self, maps):
        x = maps[-1]
        for level in reversed(range(4)):
            name, width = f"{self.name}.decoder.{level}", FILTERS << level
            if self.up == "transposed":
                x = self.unit(x, f"{name}.up", width, 2, transposed=True)
            else:
                how = {"mode": "nearest"} if self.up == "nearest" else {"mode": "trilinear", "align_corners": True}
                x = self.unit(F.interpolate(x, scale_factor=2, **how), f"{name}.up", width)
            x = x + maps[level]
            for k in range(CONVOLUTIONS[level]):
                x = self.unit(x, f"{name}.block.{k}", width)
        weight = self.variables.parameter(f"{self.name}.classifier.weight", CLASSES, FILTERS, 1, 1, 1)
        bias = self.variables.parameter(f"{self.name}.classifier.bias", CLASSES)
        return F.conv3d(x, weight, bias), x

    def linear(self, x, name, width):
        weight = self.variables.parameter(f"{name}.weight", width, x.shape[1])
        return F.linear(x, weight, self.variables.parameter(f"{name}.bias", width))

    def mlp(self, x, name, width, train):
        name = f"{self.name}.{name}"
        x = self.linear(x, f"{name}.0", width)
        was, self.train = self.train, train
        x = self.norm(x, f"{name}.1")
        self.train = was
        return self.linear(torch.relu(x), f"{name}.3", width)


def crops():
    count = math.prod(SHAPE)
    x = (wave(count, 0.11, 0.5) + 0.3 * wave(count, 1.7, 0)).view(SHAPE)
    classes = (1.5 + 1.6 * wave(count // 2, 0.37, 0.2)).floor().clamp(0, 2).long()
    return x, classes.view(LABELLED, *SHAPE[2:])


def dice(p, y, smooth, power=1):
    """One for the batch, a mean over the foreground's classes."""
    losses = []
    for c in range(1, CLASSES):
        t, q = (y == c).double(), p[:, c]
        losses.append(1 - (2 * (q * t).sum() + smooth) / ((q**power).sum() + (t**power).sum() + smooth))
    return sum(losses) / len(losses)


def sharpened(ps, t):
    def sharp(p):
        return p ** (1 / t) / (p ** (1 / t) + (1 - p) ** (1 / t))

    return lambda detach: sum(
        ((p - (sharp(q).detach() if detach else sharp(q))) ** 2).mean() for p in ps for q in ps if p is not q
    )


def cov(rows):
    return torch.cov(rows.T)


def coral(a, b):
    return ((a - b) ** 2).sum() / (4 * len(a) ** 2)


def rows(features):
    return features.permute(0, 2, 3, 4, 1).flatten(0, 3)


def chosen(judge, other):
    """For each class the flat indices of voxels on which both agree, with the judge's confidence."""
    confidence, label = (t.flatten() for t in judge.max(1))
    agreed = label == other.argmax(1).flatten()
    for c in range(CLASSES):
        found = (agreed & (label == c)).nonzero().flatten()
        yield found, confidence[found]


def anchors(ps, y, features):
    """Of the classes that both get right somewhere."""
    right = torch.stack([p[:LABELLED].argmax(1) == y for p in ps]).all(0)
    found = [features[(right & (y == c)).flatten()].detach() for c in range(CLASSES)]
    found = [f for f in found if len(f) > 1]
    assert len(found) > 1
    return found


def code(v, a, memory):
    pairs = [(f, g, m) for f, g in zip(v, a) for m in memory]
    v, a = (torch.stack([coral(cov(p[k]), cov(p[2])) for p in pairs]) for k in range(2))
    return F.cross_entropy(v, a) / len(v)


def paper(v, a, memory):
    columns = [cov(m) for m in memory]
    losses = []
    for f, g in zip(v, a):
        p, q = (torch.stack([coral(cov(t), c) for c in columns]) for t in (f, g))
        losses.append(F.cross_entropy(p, q))
    return torch.stack(losses).mean()


def repaired(v, a, memory, symmetric):
    columns = [cov(m) for m in memory]
    losses = []
    for f, g in zip(v, a):
        p, q = (torch.stack([coral(cov(t), c) for c in columns]) for t in (f, g))
        scale = max(p.mean().item(), q.mean().item())
        p, q = ((-t / scale).log_softmax(0) for t in (p, q))
        one = F.kl_div(p, q.detach(), reduction="sum", log_target=True)
        other = F.kl_div(q, p.detach(), reduction="sum", log_target=True)
        losses.append((one + other) / 2 if symmetric else one)
    return torch.stack(losses).mean()


def omni(v, a, memory):
    memory = torch.cat(memory)
    p, q = (torch.softmax(torch.cat(t) @ memory.T / 0.1, 1) for t in (v, a))
    return -(q * torch.log(p + 1e-8)).sum(1).mean()


def both(form):
    """CORN's two networks, and CAML's, by the form of their terms."""
    variables, (x, y) = Variables(), crops()
    auxiliary = Network("auxiliary", variables, "trilinear", attention=form == "caml")
    nets = [Network("main", variables, "transposed"), auxiliary]
    logits, features = zip(*(net.decode(net.encode(x)) for net in nets))
    ps = [t.softmax(1) for t in logits]
    entropy = sum(F.cross_entropy(t[:LABELLED], y) for t in logits)
    dices = sum(dice(p[:LABELLED], y, 1e-5 if form == "repaired" else 1e-8) for p in ps)
    supervised = {"code": dices, "caml": dices, "paper": entropy, "repaired": dices + entropy}[form]
    if form == "paper":
        a, b = (t[LABELLED:] for t in logits)
        consistency = F.cross_entropy(a, b.argmax(1)) + F.cross_entropy(b, a.argmax(1))
    else:
        consistency = sharpened(ps, 0.1 if form == "caml" else 0.4)(detach=form == "repaired")

    width, predicts = 6, form in ("code", "caml")
    with torch.no_grad():
        stored = sum(net.mlp(rows(f[:LABELLED]), "projection", width, False) for net, f in zip(nets, features)) / 2
    memory = anchors(ps, y, stored)
    found = list(chosen(*(p[LABELLED:] for p in ps)))
    assert all(len(f) > 1 for f, _ in found)
    everything = torch.cat([f for f, _ in found])
    compared = []
    for net, f in zip(nets, features):
        # All voxels on which the networks agree pass through the heads, as in the authors' code.
        z = net.mlp(rows(f[LABELLED:])[everything], "projection", width, True)
        z = net.mlp(z, "prediction", width, True) if predicts else z
        of_class = list(z.split([len(f) for f, _ in found]))
        if form == "code":
            # More than there are of the surest and of the least sure: each twice.
            twice = [torch.cat([conf.argsort(descending=True)[:20000], conf.argsort()[:20000]]) for _, conf in found]
            of_class = [z[order] for z, order in zip(of_class, twice)]
        compared.append(of_class)
    term = {"code": code, "paper": paper, "caml": omni}.get(form) or (lambda v, a, m: repaired(v, a, m, True))
    correlation = term(*compared, memory)
    weights = {"code": (0.5, 1, 0.05), "caml": (0.5, 1, 0.05), "paper": (1, 0.1, 0.1), "repaired": (0.5, 1, 0.1)}[form]
    return variables, (supervised, consistency, correlation), weights


def taught(form):
    """A student and a teacher whose weights are others; the teacher of `ema` runs in evaluation mode."""
    variables, (x, y) = Variables(), crops()
    student = Network("student", variables, "transposed")
    teacher = Network("teacher", variables, "transposed", train=form != "ema")
    logits, features = student.decode(student.encode(x))
    p = logits.softmax(1)
    seen = {"ema": x, "ua-mt": x, "mean-teacher": x[LABELLED:]}[form]
    with torch.no_grad():
        # The passes of UA-MT are the same without noise and dropout, but move running statistics again.
        for _ in range(3 if form == "ua-mt" else 1):
            of_teacher, features_of_teacher = teacher.decode(teacher.encode(seen))
        q = of_teacher.softmax(1)
    if form == "ema":
        loss_of_dice = dice(p[:LABELLED], y, 1e-5)
    else:
        loss_of_dice = dice(p[:LABELLED], y, 1e-5, power=2)
    supervised = loss_of_dice + F.cross_entropy(logits[:LABELLED], y)
    if form == "ua-mt":
        uncertainty = -(q * torch.log(q + 1e-6)).sum(1, keepdim=True)
        mask = (uncertainty < (0.75 + 0.25 * RAMP) * math.log(CLASSES)).double()
        assert 0 < mask.mean() < 1
        consistency = (mask * (p - q) ** 2).sum() / (CLASSES * mask.sum() + 1e-16)
    else:
        consistency = ((p[LABELLED:] - q[-LABELLED:]) ** 2).mean()
    if form != "ema":
        return variables, (supervised, consistency), (0.5, 0.1)
    memory = anchors([p, q], y, rows(features_of_teacher[:LABELLED]))
    found = [f for f, _ in chosen(q[LABELLED:], p[LABELLED:]) if len(f) > 1]
    assert found
    width = FILTERS
    v = [student.linear(rows(features[LABELLED:])[f], "student.projection", width) for f in found]
    with torch.no_grad():
        a = [teacher.linear(rows(features_of_teacher[LABELLED:])[f], "teacher.projection", width) for f in found]
        memory = [teacher.linear(m, "teacher.projection", width) for m in memory]
    return variables, (supervised, consistency, repaired(v, a, memory, False)), (0.5, 1, 0.1)


def mc_net():
    variables, (x, y) = Variables(), crops()
    ups = {"main": "transposed", "auxiliary": "trilinear", "third": "nearest"}
    nets = [Network(name, variables, up, encoder="main") for name, up in ups.items()]
    maps = nets[0].encode(x)
    ps = [net.decode(maps)[0].softmax(1) for net in nets]
    supervised = sum(dice(p[:LABELLED], y, 1e-5) for p in ps)
    return variables, (supervised, sharpened(ps, 0.1)(detach=False)), (0.5, 1)


def probe(tensor):
    """The product with a wave: two tensors of one norm that share it are hardly ever different."""
    flat = tensor.detach().flatten()
    return flat @ wave(flat.numel(), 0.9, 0.3)


def golden(variables, terms, weights):
    ramps = (1, RAMP, RAMP)
    total = sum(w * r * t for t, w, r in zip(terms, weights, ramps))
    total.backward()
    print([round(t.item(), 6) for t in terms], total.item())
    # Gradients, and running statistics afterwards, by name; a teacher has no gradient.
    found = {name: t.grad if t.requires_grad else t for name, t in variables.items()}
    probes = [probe(t) for _, t in sorted(found.items()) if t is not None]
    return {"total": total.detach(), "terms": torch.stack(terms).detach(), "tensors": torch.stack(probes)}


cases = {form: both(form) for form in ("code", "paper", "repaired", "caml")}
cases |= {form: taught(form) for form in ("ema", "mean-teacher", "ua-mt")}
cases["mc-net"] = mc_net()
found = {f"{case}.{name}": t for case, made in cases.items() for name, t in golden(*made).items()}
save_file(found, pathlib.Path(__file__).parent / "corn.safetensors")
