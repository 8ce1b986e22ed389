"""The course notebook's training loop, with the lines that have mnistop watch it.

Run it with `python own_loop.py`, and `mnistop` in another terminal. The images are those that come
with mnistop; the notebook takes the same from `fetch_openml("mnist_784", version=1)`.
"""

from importlib.resources import files

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import mnistop  # 1

num_samples = 1000
lr = 0.1
max_iter = 100

with (files("mnistop.engine.data") / "bundled/mnist_784_first_4502.npz").open("rb") as file:
    mnist = np.load(file)
    images = mnist["images"][:num_samples].reshape(-1, 784) / np.float32(255)
    labels = mnist["labels"][:num_samples].astype(np.int64)

x_train, x_val, y_train, y_val = map(
    torch.from_numpy, train_test_split(images, labels, test_size=0.2, random_state=42)
)
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear_1 = nn.Linear(784, 128)
        self.relu = nn.ReLU()
        self.linear_2 = nn.Linear(128, 10)

    def forward(self, x):
        return self.linear_2(self.relu(self.linear_1(x)))


model = MLP()
criterion = nn.CrossEntropyLoss()
run = mnistop.init(config={"lr": lr, "batch_size": 32}, validation=(x_val, y_val))  # 2

for epoch in run.epochs(max_iter):  # in place of range(max_iter)
    for x, y in train_loader:
        logits = model(x)
        loss = criterion(logits, y)
        loss.backward()
        with torch.no_grad():
            for param in model.parameters():
                param -= lr * param.grad
                param.grad = None
        accuracy = (logits.argmax(1) == y).float().mean()
        run.log({"train/loss": loss, "train/acc": accuracy})  # 3
    run.evaluate(model)  # 4
    if epoch % 10 == 0 or epoch == max_iter - 1:
        print(f"epoch {epoch:2}  loss {loss.item():.3f}  accuracy {accuracy.item():.1%}")

run.finish(model=model)  # 5
