"""Whose the images are: what is said of them where weights that were trained on them are passed on."""

# As the source beside it says; "not stated" where the makers' own page asks for no more than a citation
LICENCES = {
    # Keras' documentation of the set (keras.datasets.mnist)
    "mnist": "CC BY-SA 3.0, Yann LeCun and Corinna Cortes",
    "fashion_mnist": "MIT, Copyright 2017 Zalando SE",  # LICENSE of github.com/zalandoresearch/fashion-mnist
    # README of github.com/rois-codh/kmnist, in the words that it asks for
    "kmnist": (
        'CC BY-SA 4.0, "KMNIST Dataset" (created by CODH), adapted from "Kuzushiji Dataset" (created by NIJL and '
        "others), doi:10.20676/00000341"
    ),
    # nist.gov/itl/products-and-services/emnist-dataset
    "emnist_letters": "not stated; made by G. Cohen et al. (arXiv:1702.05373) from NIST Special Database 19",
    # cs.toronto.edu/~kriz/cifar.html
    "cifar10": "not stated; made by A. Krizhevsky, V. Nair and G. Hinton from 80 Million Tiny Images",
    # ufldl.stanford.edu/housenumbers, beside each download
    "svhn": "for non-commercial use only, Y. Netzer et al. (2011)",
    # archive.ics.uci.edu/dataset/80, whose test images scikit-learn passes on
    "digits": "CC BY 4.0, E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, doi:10.24432/C50P49",
}


def licence(source: str) -> str:
    """Of a data set's images, by its name."""
    return LICENCES.get(source, "not known to genlab: see where the images come from")
